"""Reports for people: a page, a text for a chat, a sheet. Pure functions from values to text.

Everything from a definition, a tag, an alarm or an account is untrusted here. Each writer escapes it for its own
format.
"""
