"""Fault types, one module each, by what they hit; `registry` lists them."""
