"""RTP, RTCP, telephone events, SRTP, codecs. Knows no call."""
