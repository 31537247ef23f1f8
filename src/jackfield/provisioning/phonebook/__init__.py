"""The telephone directory as phones read it: by LDAP, and as pages of their vendors' XML. Knows no database."""
