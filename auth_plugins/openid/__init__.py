"""OpenID Connect and OAuth 2: two plugins, and what they share."""
