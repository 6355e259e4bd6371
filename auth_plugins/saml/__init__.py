"""SAML 2.0: the plugin, and its parts."""
