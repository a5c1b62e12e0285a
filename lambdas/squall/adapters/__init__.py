"""One module per AWS service, implementing the ports; nothing else in Squall knows boto3."""
