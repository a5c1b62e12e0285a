"""From what a run left behind to what people look at: a page, a text for a chat, a sheet. Pure: values in, text out.

Everything that came from a definition, a tag, an alarm or an account is untrusted here; each writer escapes for its own format.
"""
