"""Signing in with an account elsewhere: OpenID Connect, for browsers and for apps."""
