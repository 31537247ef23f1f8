"""The company's directory (Active Directory, OpenLDAP): who in it is a user here."""
