-- Validated, refuted and undecided runs of each workload, a month a row; plans inject nothing and are left out
SELECT month, environment, workload, fault_type,
       count(*) AS runs,
       count_if(verdict = 'validated') AS validated,
       count_if(verdict = 'refuted' OR (verdict = 'aborted' AND hypothesis_validated = false)) AS refuted,
       count_if(hypothesis_validated IS NULL) AS undecided
FROM executions
WHERE month >= date_format(current_date - INTERVAL '180' DAY, '%Y-%m')
  AND NOT coalesce(plan, status = 'planned')
GROUP BY month, environment, workload, fault_type
ORDER BY month DESC, environment, workload, fault_type
