"""Reports for people: an HTML page, Markdown for a chat, a CSV sheet. Pure functions from values to text.

Everything from a definition, a tag, an alarm or an account is untrusted here. Each writer escapes it for its own
format.
"""
