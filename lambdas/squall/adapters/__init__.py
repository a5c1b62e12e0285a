"""Implementations of the ports, grouped by AWS service; nothing else in Squall knows boto3."""
