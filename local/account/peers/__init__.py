"""Other accounts and other Regions: what their processes answer."""
