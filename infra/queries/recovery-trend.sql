-- Seconds to recover of each experiment, by month: median and 95th percentile
SELECT month, environment, experiment,
       count(recovery_seconds) AS measured,
       approx_percentile(recovery_seconds, 0.5) AS median_seconds,
       approx_percentile(recovery_seconds, 0.95) AS p95_seconds
FROM executions
WHERE month >= date_format(current_date - INTERVAL '180' DAY, '%Y-%m')
  AND recovery_seconds IS NOT NULL
GROUP BY month, environment, experiment
ORDER BY experiment, environment, month
