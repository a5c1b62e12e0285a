"""The pure core: values in, values out. No boto3, os, logging or clock below here."""
