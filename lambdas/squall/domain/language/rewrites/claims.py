"""Ways in which people write what they claim of a metric, each with how the grammar says it.

These only make proposals (`proposals.py`), which people choose from: nothing here gives a sentence its meaning.
"""

from squall.domain.language.number_words import BIG_NUMBER, spell_in_digits
from squall.domain.language.rewrites.words import COMPARE, NOT, NUMBER, REQUESTS, TIME, Row

SEVERAL: tuple[Row, ...] = (
    (r"^(.+?)\s*(?:[,;]\s*(?:and|or|but)?|\b(?:and|or|but|while|as well as)\b|&&?|\|\|?)\s+(.+)$", r"\1", r"\2"),
    (rf"^({NUMBER} ?(?:%|percent) of {REQUESTS}) (?:succeed|are successful) (?:with)?in (.+)$", r"\1 succeed", r"\1 complete within \2"),
    (rf"^(.+?) (?:(?:is|are|stays?|remains?) )?between ({NUMBER} ?\S*) and ({NUMBER})(.*)$", r"\1 >= \2", r"\1 <= \3\4"),
    (rf"^(.+?)({COMPARE}) ({NUMBER})\s*(?:-|–|to|…|\.\.+)\s*({NUMBER})(.*)$", r"\1\2 \3\5", r"\1\2 \4\5"),
)
"""More than one sentence in one."""

WRAPPERS: tuple[Row, ...] = (
    (r"^[\"'“„«‘`(\[]+(.+?)[\"'”“»’`)\]]+$", r"\1"),
    (r"^(.+?)[\s.!;,:?…]+$", r"\1"),
    (r"^(?:[-*•–]|\d+[.)])\s+(.+)$", r"\1"),
    (
        (
            r"^(?:(?:we|i) )?(?:ensures?|verify|validate|expect|assert|check|confirm|require|guarantee|make sure|hypothesis|"
            r"slo|sli|sla|objective|target|goal|kpi)s?\b[:,]? *(?:that )?(.+)$"
        ),
        r"\1",
    ),
    (r"^(?:our|the|this) (?:slo|sli|sla|objective|target|goal) is (?:that )?(.+)$", r"\1"),
    (
        (
            r"^(?:please )?(?:abort|stop|halt|cancel|end|roll ?back|fail|alert|alarm|page|trigger|warn)"
            r"(?: (?:the |this )?(?:experiment|test|fault|run|us|me))? ?(?:if|when|once|on|as soon as|whenever)\b[:,]? *(.+)$"
        ),
        r"\1",
    ),
    (r"^(?:if|when|whenever) (.+)$", r"\1"),
    (r"^(.+?) (?:then|=>|->|→) (?:abort|stop|alert|fail|page|roll ?back).*$", r"\1"),
)
"""Words and marks around a sentence."""

CHARACTERS: tuple[Row, ...] = (
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("=>", ">="),
    ("=<", "<="),
    ("[＜‹]", "<"),
    ("[＞›]", ">"),
    ("~|≈|approximately |about |around ", ""),
    (r"(?<=\d),(?=\d{1,2}\b)", "."),
    (r"\b0,(?=\d)", "0."),
    (r"(?<=\d)\.(?=\d{3},\d)", ""),
    (r"(?<=\d)[ '’_](?=\d{3}\b)", ""),
    (r"(?<=\d)k\b", "000"),
    (r"[`()\[\]*]", " "),
    (r"\s[-–—]+\s", " "),
    (r":\s*", " "),
    (r"(?<=[a-z]),\s", " "),
    (BIG_NUMBER.pattern, spell_in_digits),
)
"""Characters and numbers."""

STATISTICS: tuple[Row, ...] = (
    (r"^sentinel (p\d\S*|median|average|maximum) (.+)$", r"\1 sentinel \2"),
    (r"\b(\d+(?:\.\d+)?) ?(?:st|nd|rd|th)?\s?%?[- ]?(?:%?iles?|quantile|pctl|pct\.?|perc\.?|percentiles)\b", r"p\1"),
    (r"\b(?:t?p|percentile|quantile|pct)[-_ ]?\(?(\d+(?:\.\d+)?)\)?(?:th)?(?=\s)", r"p\1"),
    (r"\bp999\b", "p99.9"),
    (r"\bp9999\b", "p99.99"),
    (r"\btail (?:latency|response times?)", "p99 response time", "p99.9 response time"),
    (r"\b(?:worst[- ]case|worst|highest|longest|slowest) ", "maximum "),
    (r"\b(?:lowest|best|fastest|shortest) ", "minimum "),
    (r"\b(?:typical|normal|usual) ", "median ", "average "),
    (rf"\b(p\d\S*) of {REQUESTS}", r"\1 response time"),
    (rf"^(.*?\b(?:response times?|latency)\b.+?),? (?:for|in|at) (?:at least )?({NUMBER}) ?(?:%|percent) of {REQUESTS}$", r"p\2 \1"),
)
"""Percentiles and other statistics."""

METRICS: tuple[Row, ...] = (
    (r"\b(?:request|round[- ]trip|processing|page load|load|response) ?(?:times?|latenc(?:y|ies)|duration)\b", "response time"),
    (r"\b(?:latencies|delays?|duration|RTT|TTFB)\b", "response time"),
    (
        (
            r"\b(?:error|failure)s? (?:ratio|percentage|percent)\b|\b(?:5xx|500|"
            r"50x)s? (?:error )?(?:ratio|percentage)\b|\bunavailability\b|"
            r"\bdowntime\b"
        ),
        "error rate",
    ),
    (r"\b(?:http |status |server )*(?:5xx|50\d|500s)(?: (?:errors?|responses?|codes?|status codes?))*\b", "errors"),
    (r"\b(?:failed|failing|unsuccessful|bad|erroneous) (?:requests|responses|calls)\b|\bfailures\b|\bexceptions\b", "errors", "error rate"),
    (r"(?<=%) errors\b|(?<=percent) errors\b|\berrors(?=.*(?:%|percent))", " error rate"),
    (r"\b(?:successful (?:requests|responses)|success|goodput|successes|reliability)\b", "availability"),
    (r"\bRequestCount(?: sum)? ?([<>=]+) ?(\d[\d.,]*)$", r"request rate \1 \2 requests/min", r"request rate \1 \2 requests/s"),
    (rf"^({COMPARE}) ({NUMBER} ?(?:req\w* ?/|rps|qps|requests? ?/).*)$", r"request rate \1 \2"),
    (r"\b(?:requests?|transactions?|tps|traffic|load|rps|qps|volume)(?: (?:count|rate|volume))?(?= [<>=a-z])", "request rate"),
    (r"\b(?:cpu|processor) (?:load|percent|percentage|use)\b", "CPU utilization"),
    (
        r"\b(?:healthy|running|available|in-service|live) (?:nodes?|servers?|tasks?|pods?|replicas?|host|instance|target|backends?)\b",
        "healthy hosts",
    ),
    (
        (
            rf"^({COMPARE} \w+) (?:hosts?|instances?|targets?|nodes?|servers?) (?:is|are|stays?|remains?|must be) (?:healthy|up|available|"
            r"in service)"
        ),
        r"\1 healthy hosts",
    ),
    (
        r"\b(?:unhealthy|failed|down|dead) (?:nodes?|servers?|tasks?|pods?|replicas?|hosts?|instances?|targets?|backends?)\b",
        "unhealthy hosts",
    ),
    (r"\b(?:database|db|rds|aurora) (?:latency|response time)\b", "database write latency"),
    (r"\bdb\b", "database"),
    (r"\b(?:open|active) (?:database )?connections\b", "database connections"),
    (r"\b(?:average|mean) time to (?:repair|restore)\b|\brecovery\b(?= (?:<|under|below|within))", "recovery time"),
    (r"\b(?:error budget|burn rate)\b.*$", "error rate < 0.1 %", "error rate < 1 %"),
)
"""Names of metrics."""

COMPARISONS: tuple[Row, ...] = (
    (
        (
            r"\b(?:(?:is|are|be) )?(?:not worse than|no worse than|limited to|capped at|max(?:imum)?(?: of)?|within)\s+"
            r"(?=\d)(?!\S+\s?(?:%|percent) of)"
        ),
        "<= ",
    ),
    (r"\b(?:(?:is|are|be) )?min(?:imum)?(?: of)? (?=\d)", ">= "),
    (rf"(?<=\s)({NUMBER} ?\S*) or (?:less|lower|below|fewer|better|faster|under)\b", r"<= \1"),
    (rf"(?<=\s)({NUMBER} ?\S*) or (?:more|higher|above|greater|over)\b", r">= \1"),
    (rf"\s({NUMBER} ?\S*) (?:max(?:imum)?|tops|at most|at the most)\b", r" <= \1"),
    (rf"\s({NUMBER} ?\S*) (?:min(?:imum)?|at least)\b", r" >= \1"),
    (r"\b(?:the )?(?:configured|agreed|defined|expected|target)(?: (?:limit|threshold|value|target))?(?: of)? (?=\d)", ""),
    (
        (
            rf"\b{NOT} (?:(?:be|go|get|become|rise|climb|spike|increase|jump) )*(?:above|over|beyond|"
            rf"past|higher than|more than|greater than|exceed|"
            r"surpass|reach|cross|breach)\s*(?=\d)"
        ),
        "<= ",
    ),
    (rf"\b{NOT} (?:(?:be|go|get|fall|drop|sink|dip|decrease) )*(?:below|under|beneath|lower than|less than|fewer than)\s*(?=\d)", ">= "),
    (
        (
            r"\b(?:(?:should|must|will|shall|may|can|is|are|has|have|does|always|consistently|to|be|"
            r"been|stays?|remains?|averages?|sits?|hovers?|kept|"
            r"keep|reach(?:es)?|hits?|gets?|goes|of) )+(?=>|<|=|≥|≤|(?:above|below|under|over|at least|"
            r"at most|less|more|fewer|no more|not more)\b)"
        ),
        "",
    ),
    (
        (
            r"\b(?:surpass(?:es)?|breach(?:es)?|crosses|is beyond|beyond|spikes? (?:above|over|to)|"
            r"goes (?:above|over)|larger than|bigger than|"
            r"worse than|in excess of) (?=\d)"
        ),
        "> ",
    ),
    (r"\b(?:dips? below|sinks? below|shorter than|smaller than|better than|quicker than|beneath) (?=\d)", "< "),
    (rf"^((?:\w+ )?(?:availability|uptime|success rate))(?: of| is| at|:)? ({NUMBER} ?(?:%|percent))$", r"\1 >= \2"),
    (rf"(?<=\s)(?:is|are|of|at|equals) (?={NUMBER})", "<= ", ">= "),
    (rf"^(\D*[a-z])(?<!by) ({NUMBER} ?(?:%|percent|{TIME}))$", r"\1 <= \2", r"\1 >= \2"),
    (rf"^({COMPARE}) ({NUMBER} ?\S*) (\D+)$", r"\3 \1 \2"),
    (rf"^(\D+?(?: |(?=[<>=≥≤])){COMPARE})$", r"\1 99 %", r"\1 2 seconds", r"\1 10 requests/s", r"\1 10"),
    (rf"^({COMPARE}) ?({NUMBER} ?\S*)$", r"response time \1 \2", r"system availability \1 \2", r"error rate \1 \2", r"error count \1 \2"),
    (rf"^({NUMBER} ?(?:%|percent))$", r"system availability >= \1", r"error rate <= \1"),
    (rf"^({NUMBER} ?\S*) (\D+)$", r"\2 <= \1", r"\2 >= \1"),
    (
        (
            r"^(.*\b(?:latency|time|rate|availability|count|errors)) (?:is|are|stays?|remains?) (?:good|"
            r"low|ok|okay|fine|acceptable|normal|stable|high|"
            r"unaffected|reasonable|small|healthy)$"
        ),
        r"\1",
    ),
)
"""Comparisons with a number."""

SHARES: tuple[Row, ...] = (
    (rf"^({NUMBER} ?(?:%|percent) of) (?:the |our )?[a-z-]+ (requests .+)$", r"\1 \2"),
    (
        rf"^({NUMBER} ?(?:%|percent) of {REQUESTS}) (?:<=?|are (?:under|below|faster than)|(?:under|below)) ?(\d.*)$",
        r"\1 complete within \2",
    ),
    (r"^(?:the )?(?:downtime|outage|unavailability)s?\b\D*?(\d+ ?(?!%|percent)[a-z]+)$", r"System availability recovers within \1"),
    (r"^\D*?(?:unavailable|down) (?:for )?(?:less than|at most|<) (\d+ ?[a-z]+)$", r"System availability recovers within \1"),
    (r"^.*?\bfail-?over(?: time| duration)?\b\D*?(\d+ ?[a-z]+)$", r"System recovers within \1"),
    (rf"^(?:no|none of (?:the )?|0|zero) {REQUESTS} (?:(?:may|should|must) )?(?:fails?|returns? (?:an )?errors?).*$", "error count = 0"),
    (rf"^no {REQUESTS} (?:(?:may|should|must) )?(?:takes?|is|lasts?) (?:more|longer|slower) than (.+)$", r"maximum response time <= \1"),
    (rf"^(?:every|each) {REQUESTS} (?:succeeds|is successful|must succeed)$", "all requests succeed"),
    (rf"^(?:every|each) {REQUESTS} \w+ ((?:within|in|under|less) .+)$", r"all requests complete \1"),
    (rf"^{REQUESTS} (?:(?:must|should) )?succeed$", "all requests succeed", "99.9 % of requests succeed"),
    (
        (
            rf"^{REQUESTS} (?:(?:must|should|are|be) )*(?:complete|finish|return|respond|answered|served|take)\w*(?: in| within)? "
            r"(?:under |below |less than |at most )?(\d.*)$"
        ),
        r"average response time < \1",
        r"p99 response time < \1",
        r"maximum response time < \1",
    ),
    (rf"^(?:most|almost all|nearly all) ({REQUESTS}) (.+)$", r"99 % of requests \2", r"90 % of requests \2"),
    (rf"^({NUMBER}) (?:out of|of|in|from) (?:every )?100 {REQUESTS} (.+)$", r"\1 % of requests \2"),
    (
        (
            rf"^(.*\d ?(?:%|percent)) of {REQUESTS} (?:are|return|get|have)(?: an?)? "
            r"(?:2xx|200|200s|ok|good|without errors?|non-?(?: ?5xx| ?error))(?: responses?| status)?\b(.*)$"
        ),
        r"\1 of requests succeed\2",
    ),
    (
        (
            rf"^(.*\d ?(?:%|percent)) of {REQUESTS} (?:are|return|get|have|see|end in|result in) (?:5xx|errors?|an error|failures?|failed)"
            r"\b(.*)$"
        ),
        r"\1 of requests fail\2",
    ),
    (rf"^({NUMBER} in [\d,]+ {REQUESTS} fails?)(.*)$", r"at most \1\2", r"more than \1\2"),
    (
        r"^(?:the )?(?:service|system|application|app|api|site) (?:is|stays|must be) (?:unavailable|down) (.+) of the time$",
        r"error rate \1",
    ),
    (r"^(?:zero|no) (?:downtime|outages?)(.*)$", r"system availability >= 100 %\1"),
    (
        (r"^(?:the )?(?:system|service) (?:(?:is|stays) )?(?:up|healthy|ok|fine|stable|working|responsive)$|^no (?:\w+ )?impact\b.*$"),
        "system availability > 99 %",
    ),
)
"""Shares of the requests."""
