-- How far each metric moved under each fault type, where the difference is more than chance
SELECT environment, fault_type, metric, unit,
       count(*) AS runs,
       approx_percentile(shift, 0.5) AS median_shift,
       max_by(execution_id, abs(shift)) AS furthest_run
FROM measurements
WHERE month >= date_format(current_date - INTERVAL '180' DAY, '%Y-%m')
  AND compared = 'fault' AND p_adjusted < 0.05
GROUP BY environment, fault_type, metric, unit
ORDER BY environment, fault_type, metric
