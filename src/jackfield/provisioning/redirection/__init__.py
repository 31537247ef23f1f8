"""The vendors' redirection services: a new phone asks its maker first, who sends it on to us.

One interface (`service.Service`), one file for each service whose API is public. What others need by hand is said in
`by_hand`.
"""
