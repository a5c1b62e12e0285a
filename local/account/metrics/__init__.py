"""CloudWatch: series, metric math, the metric API, and alarms."""
