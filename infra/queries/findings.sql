-- What was found most often, grouped by the finding's id, and whether the last run that spoke of it closed it
SELECT finding_id, max_by(title, started_at) AS title, max_by(severity, started_at) AS severity,
       count_if(NOT closed) AS seen,
       min(started_at) AS first_seen, max(started_at) AS last_said,
       NOT max_by(closed, started_at) AS open,
       array_sort(array_agg(DISTINCT experiment)) AS experiments
FROM executions
CROSS JOIN UNNEST(findings) AS found (finding_id, title, severity, closed)
WHERE month >= date_format(current_date - INTERVAL '180' DAY, '%Y-%m')
GROUP BY finding_id
ORDER BY open DESC, seen DESC
