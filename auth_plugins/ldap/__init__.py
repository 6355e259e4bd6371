"""LDAP and Active Directory: the plugin, and its parts."""
