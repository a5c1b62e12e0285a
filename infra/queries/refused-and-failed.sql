-- Runs that tested nothing, newest first: refused, failed, or nothing proven
SELECT started_at, environment, experiment, execution_id, status, verdict, owner, trigger
FROM executions
WHERE month >= date_format(current_date - INTERVAL '90' DAY, '%Y-%m')
  AND NOT coalesce(plan, false)
  AND (status IN ('rejected', 'failed') OR verdict = 'invalid')
ORDER BY started_at DESC
LIMIT 500
