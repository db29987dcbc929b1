"""Single sign-on by OpenID Connect: what a browser takes along, what the provider is asked, who it says somebody is."""
