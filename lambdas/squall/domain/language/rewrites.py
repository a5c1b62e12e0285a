"""Ways in which people write sentences that are outside the grammar, each with how the grammar says it.

These only make proposals (`proposals.py`), which people choose from: nothing here gives a sentence its meaning.
"""

import re
from collections.abc import Callable

from squall.domain.language.number_words import BIG_NUMBER, spell_in_digits

Replacement = str | Callable[[re.Match[str]], str]
_COMPARE = r"(?:>=|<=|>|<|=|≥|≤|above|below|under|over|exceeds|at least|at most|no more than|more than|less than|fewer than)"
_NUMBER = r"\d+(?:\.\d+)?"
_TIME = r"(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)"
_REQUESTS = r"(?:(?:all|the|our|http|api|user|client|incoming) )*requests?"
_NOT = r"(?:(?:should|must|shall|will|would|may|can|does|do|did|is|are|has to|have to|needs to) ?)?(?:never|not|n['’]t)(?: ever)?"
_AT_MOST = rf"(?:no more than|at most|less than) ({_NUMBER} ?(?:%|percent))"
_BACK = r"(?:(?:is|are|drops?|falls?|rises?|goes|gets|comes|returns?|recovers?) )?(?:back )?(?:to )?"
_MEMBERS = r"(instances?|tasks?|pods?)"
_MANY = r"(\d+|a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_REPLACED = r"Auto Scaling launches replacement instance"
_FAULT = r"(?:fault|chaos|experiment|injection|outage|attack|test)"


def _add_up_minutes(match: re.Match[str]) -> str:
    return f"{60 * int(match[1]) + int(match[2])} minutes"


_SEVERAL: tuple[tuple[str | Replacement, ...], ...] = (
    (r"^(.+?)\s*(?:[,;]\s*(?:and|or|but)?|\b(?:and|or|but|while|as well as)\b|&&?|\|\|?)\s+(.+)$", r"\1", r"\2"),
    (rf"^({_NUMBER} ?(?:%|percent) of {_REQUESTS}) (?:succeed|are successful) (?:with)?in (.+)$", r"\1 succeed", r"\1 complete within \2"),
    (rf"^(.+?) (?:(?:is|are|stays?|remains?) )?between ({_NUMBER} ?\S*) and ({_NUMBER})(.*)$", r"\1 >= \2", r"\1 <= \3\4"),
    (rf"^(.+?)({_COMPARE}) ({_NUMBER})\s*(?:-|–|to|…|\.\.+)\s*({_NUMBER})(.*)$", r"\1\2 \3\5", r"\1\2 \4\5"),
)
"""More than one sentence in one."""

_WRAPPERS: tuple[tuple[str | Replacement, ...], ...] = (
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

_CHARACTERS: tuple[tuple[str | Replacement, ...], ...] = (
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

_STATISTICS: tuple[tuple[str | Replacement, ...], ...] = (
    (r"\b(\d+(?:\.\d+)?) ?(?:st|nd|rd|th)?\s?%?[- ]?(?:%?iles?|quantile|pctl|pct\.?|perc\.?|percentiles)\b", r"p\1"),
    (r"\b(?:t?p|percentile|quantile|pct)[-_ ]?\(?(\d+(?:\.\d+)?)\)?(?:th)?(?=\s)", r"p\1"),
    (r"\bp999\b", "p99.9"),
    (r"\bp9999\b", "p99.99"),
    (r"\btail (?:latency|response times?)", "p99 response time", "p99.9 response time"),
    (r"\b(?:worst[- ]case|worst|highest|longest|slowest) ", "maximum "),
    (r"\b(?:lowest|best|fastest|shortest) ", "minimum "),
    (r"\b(?:typical|normal|usual) ", "median ", "average "),
    (rf"\b(p\d\S*) of {_REQUESTS}", r"\1 response time"),
    (rf"^(.*?\b(?:response times?|latency)\b.+?),? (?:for|in|at) (?:at least )?({_NUMBER}) ?(?:%|percent) of {_REQUESTS}$", r"p\2 \1"),
)
"""Percentiles and other statistics."""

_METRICS: tuple[tuple[str | Replacement, ...], ...] = (
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
    (rf"^({_COMPARE}) ({_NUMBER} ?(?:req\w* ?/|rps|qps|requests? ?/).*)$", r"request rate \1 \2"),
    (r"\b(?:requests?|transactions?|tps|traffic|load|rps|qps|volume)(?: (?:count|rate|volume))?(?= [<>=a-z])", "request rate"),
    (r"\b(?:cpu|processor) (?:load|percent|percentage|use)\b", "CPU utilization"),
    (
        r"\b(?:healthy|running|available|in-service|live) (?:nodes?|servers?|tasks?|pods?|replicas?|host|instance|target|backends?)\b",
        "healthy hosts",
    ),
    (
        (
            rf"^({_COMPARE} \w+) (?:hosts?|instances?|targets?|nodes?|servers?) (?:is|are|stays?|remains?|must be) (?:healthy|up|available|"
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

_COMPARISONS: tuple[tuple[str | Replacement, ...], ...] = (
    (
        (
            r"\b(?:(?:is|are|be) )?(?:not worse than|no worse than|limited to|capped at|max(?:imum)?(?: of)?|within)\s+"
            r"(?=\d)(?!\S+\s?(?:%|percent) of)"
        ),
        "<= ",
    ),
    (r"\b(?:(?:is|are|be) )?min(?:imum)?(?: of)? (?=\d)", ">= "),
    (rf"(?<=\s)({_NUMBER} ?\S*) or (?:less|lower|below|fewer|better|faster|under)\b", r"<= \1"),
    (rf"(?<=\s)({_NUMBER} ?\S*) or (?:more|higher|above|greater|over)\b", r">= \1"),
    (rf"\s({_NUMBER} ?\S*) (?:max(?:imum)?|tops|at most|at the most)\b", r" <= \1"),
    (rf"\s({_NUMBER} ?\S*) (?:min(?:imum)?|at least)\b", r" >= \1"),
    (
        (
            rf"\b{_NOT} (?:(?:be|go|get|become|rise|climb|spike|increase|jump) )*(?:above|over|beyond|"
            rf"past|higher than|more than|greater than|exceed|"
            r"surpass|reach|cross|breach)\s*(?=\d)"
        ),
        "<= ",
    ),
    (rf"\b{_NOT} (?:(?:be|go|get|fall|drop|sink|dip|decrease) )*(?:below|under|beneath|lower than|less than|fewer than)\s*(?=\d)", ">= "),
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
    (rf"^((?:\w+ )?(?:availability|uptime|success rate))(?: of| is| at|:)? ({_NUMBER} ?(?:%|percent))$", r"\1 >= \2"),
    (rf"(?<=\s)(?:is|are|of|at|equals) (?={_NUMBER})", "<= ", ">= "),
    (rf"^(\D*[a-z])(?<!by) ({_NUMBER} ?(?:%|percent|{_TIME}))$", r"\1 <= \2", r"\1 >= \2"),
    (rf"^({_COMPARE}) ({_NUMBER} ?\S*) (\D+)$", r"\3 \1 \2"),
    (rf"^(\D+? ?{_COMPARE})$", r"\1 99 %", r"\1 2 seconds", r"\1 10 requests/s", r"\1 10"),
    (rf"^({_COMPARE}) ?({_NUMBER} ?\S*)$", r"response time \1 \2", r"system availability \1 \2", r"error rate \1 \2", r"error count \1 \2"),
    (rf"^({_NUMBER} ?(?:%|percent))$", r"system availability >= \1", r"error rate <= \1"),
    (rf"^({_NUMBER} ?\S*) (\D+)$", r"\2 <= \1", r"\2 >= \1"),
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

_SHARES: tuple[tuple[str | Replacement, ...], ...] = (
    (
        rf"^({_NUMBER} ?(?:%|percent) of {_REQUESTS}) (?:<=?|are (?:under|below|faster than)|(?:under|below)) ?(\d.*)$",
        r"\1 complete within \2",
    ),
    (r"^(?:the )?(?:downtime|outage|unavailability)s?\b\D*?(\d+ ?(?!%|percent)[a-z]+)$", r"System availability recovers within \1"),
    (r"^\D*?(?:unavailable|down) (?:for )?(?:less than|at most|<) (\d+ ?[a-z]+)$", r"System availability recovers within \1"),
    (r"^.*?\bfail-?over(?: time| duration)?\b\D*?(\d+ ?[a-z]+)$", r"System recovers within \1"),
    (rf"^(?:no|none of (?:the )?|0|zero) {_REQUESTS} (?:(?:may|should|must) )?(?:fails?|returns? (?:an )?errors?).*$", "error count = 0"),
    (rf"^no {_REQUESTS} (?:(?:may|should|must) )?(?:takes?|is|lasts?) (?:more|longer|slower) than (.+)$", r"maximum response time <= \1"),
    (rf"^(?:every|each) {_REQUESTS} (?:succeeds|is successful|must succeed)$", "all requests succeed"),
    (rf"^(?:every|each) {_REQUESTS} \w+ ((?:within|in|under|less) .+)$", r"all requests complete \1"),
    (rf"^{_REQUESTS} (?:(?:must|should) )?succeed$", "all requests succeed", "99.9 % of requests succeed"),
    (
        (
            rf"^{_REQUESTS} (?:(?:must|should|are|be) )*(?:complete|finish|return|respond|answered|served|take)\w*(?: in| within)? "
            r"(?:under |below |less than |at most )?(\d.*)$"
        ),
        r"average response time < \1",
        r"p99 response time < \1",
        r"maximum response time < \1",
    ),
    (rf"^(?:most|almost all|nearly all) ({_REQUESTS}) (.+)$", r"99 % of requests \2", r"90 % of requests \2"),
    (rf"^({_NUMBER}) (?:out of|of|in|from) (?:every )?100 {_REQUESTS} (.+)$", r"\1 % of requests \2"),
    (
        (
            rf"^(.*\d ?(?:%|percent)) of {_REQUESTS} (?:are|return|get|have)(?: an?)? "
            r"(?:2xx|200|200s|ok|good|without errors?|non-?(?: ?5xx| ?error))(?: responses?| status)?\b(.*)$"
        ),
        r"\1 of requests succeed\2",
    ),
    (
        (
            rf"^(.*\d ?(?:%|percent)) of {_REQUESTS} (?:are|return|get|have|see|end in|result in) (?:5xx|errors?|an error|failures?|failed)"
            r"\b(.*)$"
        ),
        r"\1 of requests fail\2",
    ),
    (rf"^({_NUMBER} in [\d,]+ {_REQUESTS} fails?)(.*)$", r"at most \1\2", r"more than \1\2"),
    (
        r"^(?:the )?(?:service|system|application|app|api|site) (?:is|stays|must be) (?:unavailable|down) (.+) of the time$",
        r"error rate \1",
    ),
    (r"^(?:zero|no) (?:downtime|outages?)(.*)$", r"system availability >= 100 %\1"),
    (
        (
            r"^(?:the )?(?:system|service) (?:(?:is|stays) )?(?:up|healthy|ok|fine|stable|working|responsive)$|^no (?:\w+ )?impact\b.*$|"
            r"^no data loss.*$"
        ),
        "system availability > 99 %",
    ),
)
"""Shares of the requests."""

_EVENTS: tuple[tuple[str | Replacement, ...], ...] = (
    (
        r"^(?:(?:the|an?|our|any) )?(?:cloudwatch )?(?:alarm|alert|monitor|pager)s? (?=(?:fires?|triggers?|goes|is|gets|within)\b)",
        "alarm NAME ",
    ),
    (r"^(?:(?:the|an?|our) )?(?:cloudwatch )?(?:alarm|alert) (?:(?:named|called) )?(?=\S)", "alarm "),
    (r"^(?:(?:the|an?|our) )?(?:cloudwatch )?(?!alarm|alert)(\S+) (?:alarm|alert)\b", r"alarm \1"),
    (
        (
            r"\b(?:triggers|fire|is triggered|gets triggered|goes into alarm|is firing|is raised|rings|alarms|enters alarm|"
            r"(?:is|goes) in(?:to)? alarm(?: state)?|alerts)\b"
        ),
        "fires",
    ),
    (r"\b(?:is|stays|remains) (?:green|healthy|normal|not firing|not in alarm|not triggered|in ok state|inactive)\b", "is OK"),
    (r"^(alarm \S+ fires)$", r"\1 within 5 minutes"),
    (r"^(alarm \S+)$", r"\1 is OK", r"\1 does not fire", r"\1 fires within 5 minutes"),
    (r"^no (?:alarm|alert)s? (?:fires?|triggers?|goes off|is triggered).*$", "alarm NAME does not fire"),
    (
        r"^(?:(?:mean )?time to detect(?:ion)?|mttd|detection time|detected|detects|we detect (?:it|the fault))\D*(\d.*)$",
        r"alarm NAME fires within \1",
    ),
    (
        r"\b(?:in(?: under| less than| at most)?|under|in no more than|inside|by|after) (?=\d+ ?[a-z]+$|(?:two|five|ten) \w+$)",
        "within ",
    ),
    (
        (
            r"\b(?:is (?:restored|recovered|healthy again|up again|back)|comes back(?: up)?|self-?heals|heals|"
            r"stabili[sz]es|normali[sz]es|returns|recovered|bounces back)\b"
        ),
        "recovers",
    ),
    (
        r"^(?:the )?(?:auto ?scaling(?: group)?|asg)\b.*?\b(?:launch|replac|start|add|creat|spin|provision|bring)\w*.*?( within .+)?$",
        r"Auto Scaling launches replacement instance\1",
    ),
    (
        (
            r"^(?:(?:an?|the) )?(?:new|replacement|replaced|another|failed|lost|terminated) (?:instance|host|node|task|pod|target)s?\b.*?"
            r"( within .+)?$"
        ),
        r"Auto Scaling launches replacement instance\1",
    ),
    (r"^(.*\brecovers)$", r"\1 within 5 minutes"),
    (
        (
            rf"^(?:exactly )?((?:at least |more than )?){_MANY}(?: (?:healthy|running|new|ready|live))* {_MEMBERS}"
            r"(?: (?:is|are|must be|should be|comes?|starts?|gets?|becomes?|recovers?|returns?))?"
            r"(?: (?:healthy|up|back|started|running|restored|available|online|run))*( within .+)$"
        ),
        r"\1\2 \3 run\4",
    ),
    (
        rf"^.*?\b(?:runs?|has|have|to|reaches) {_MANY}(?: (?:healthy|running))* {_MEMBERS}(?: (?:are|is|up|running))*( within .+)$",
        r"\1 \2 run\3",
    ),
    (rf"^{_MEMBERS.replace('(', '(?:running |healthy )*(')}(?: count)? (?:>=|at least|is|=) {_MANY}( within .+)$", r"\2 \1 run\3"),
    (rf"^((?:at least )?){_MANY} (?:hosts?|servers?|nodes?|machines?|vms?)\b.*?( within .+)$", r"\1\2 instances run\3"),
    (
        rf"^((?:at least )?){_MANY}(?: healthy)? (?:replicas?|containers?|targets?)\b.*?( within .+)$",
        r"\1\2 tasks run\3",
        r"\1\2 pods run\3",
        r"\1\2 instances run\3",
    ),
    (
        rf"^(?:all|both|every|each|the desired number of|100 ?% of)(?: the| our)? (?:{_MEMBERS}|hosts?|nodes?|replicas?)\b.*?( within .+)$",
        rf"{_REPLACED}\2",
    ),
    (r"^.*?\bdesired (?:count|capacity|number)\b.*?( within .+)$", rf"{_REPLACED}\1"),
)
"""Alarms, recovery, replacement, and numbers of members."""

_TIMES: tuple[tuple[str | Replacement, ...], ...] = (
    (rf"^(?:during|throughout|while) (?:the )?{_FAULT},? (.+)$", r"\1 during the fault"),
    (rf"^after (?:the )?(?:recovery|{_FAULT}),? (.+)$", r"\1 during recovery"),
    (rf"^(.+?) {_BACK}(?:{_COMPARE} )?{_NUMBER} ?(?:%|percent|{_TIME}) within (\d+ ?[a-z]+)$", r"\1 recovers within \2"),
    (r"\b(\d{1,2}) ?h(?:ours?)? ?(\d{1,2}) ?m(?:in(?:utes?)?)?\b", _add_up_minutes),
    (r"\bPT(\d+)M\b", r"\1 minutes"),
    (r"\bPT(\d+)S\b", r"\1 seconds"),
    (r"\bPT(\d+)H\b", r"\1 hours"),
    (r"\bhalf an hour\b", "30 minutes"),
    (r"\bhalf a minute\b", "30 seconds"),
    (r"\ba (?:few|couple of) minutes\b", "5 minutes"),
    (
        (
            rf"\b(?:over|across|in|during|per) (?:(?:a|any|each|every|the last|the past) )?(\d+|one|two|five|ten)[- ]?({_TIME})"
            r"(?: window| period)?\b"
        ),
        r"for \1 \2",
    ),
    (rf"\b(?:for )?(?:longer than|more than|at least|lasting|sustained for|consecutively for) (\d+ ?{_TIME})$", r"for \1"),
    (
        rf"\b(?:throughout|all through|for the duration of|for the whole|while|whilst|at all times during|under) (?:the )?{_FAULT}\b.*$",
        "during the fault",
    ),
    (rf"\bafter (?:the )?(?:recovery|{_FAULT})\b.*$", "during recovery"),
    (rf"\bbefore (?:the )?{_FAULT}\b.*$", "during baseline"),
    (r"\b(?:during|in|throughout) (?:the )?[a-z-]+(?: [a-z-]+)?$", "during the fault", "during recovery"),
    (
        (
            r"\b(?:at all times|all the time|at any time|always|consistently|constantly|throughout|"
            r"on average|overall|in total|at peak|monthly|weekly|"
            r"daily|per month|in production|in prod|over (?:the )?(?:last )?\d+ days|over a (?:month|week|day|year)|ever)\b"
        ),
        "",
    ),
)
"""Durations and windows."""

_BASELINES: tuple[tuple[str | Replacement, ...], ...] = (
    (rf"\b{_NOT} (?:increase|rise|grow|degrade|worsen)(?: by)? (?:more than|over|above) (?=\d)", "increases by <= "),
    (rf"\b{_NOT} (?:decrease|drop|fall|decline)(?: by)? (?:more than|over|below) (?=\d)", "decreases by <= "),
    (rf"^{_AT_MOST} (?:degradation|increase|rise) (?:in|of) (?:the )?(.+)$", r"\2 increases by <= \1 of baseline"),
    (rf"^{_AT_MOST} (?:drop|decrease|loss) (?:in|of) (?:the )?(.+)$", r"\2 decreases by <= \1 of baseline"),
    (
        (
            r"\b(?:of|than|to|from|over|vs\.?|against|compared (?:to|with)) (?:(?:the|its) )?(?:normal|"
            r"usual|steady state|before|pre-fault|average)"
            r"(?: values?| levels?)?\b"
        ),
        "of baseline",
    ),
    (
        rf"\b(?:(?:stays?|is|remains?) )?within ({_NUMBER}) ?(?:%|percent) of (?:the )?baseline\b",
        r"increases by <= \1 % of baseline",
        r"decreases by <= \1 % of baseline",
    ),
    (rf"\b(?:is )?({_NUMBER} ?\S+) (?:above|over|higher than|more than) (?:the )?baseline\b", r"increases by <= \1 vs baseline"),
    (rf"\b{_NOT} (?:increase|rise|grow|degrade|worsen|change)$", "increases by < 10 % of baseline"),
    (rf"\b{_NOT} (?:decrease|drop|fall|decline)$", "decreases by < 10 % of baseline"),
    (r"\b(?:increas|ris|degrad|grow|worsen|deviat|chang)\w*(?: by)? (?=<|>|(?:at|less|more|no|not|under)\b)", "increases by "),
    (r"\b(?:decreas|drop|fall|declin|improv)\w*(?: by)? (?=<|>|(?:at|less|more|no|not|under)\b)", "decreases by "),
    (rf"\b(?:increases?|degrades?|rises?|grows?|worsens?|deviates?|changes?)(?: by)? (?={_NUMBER})", "increases by < ", "increases by > "),
    (rf"\b(?:decreases?|drops?|falls?|declines?|improves?)(?: by)? (?={_NUMBER})", "decreases by < ", "decreases by > "),
    (rf"\b({_NUMBER}) ?-?fold\b", r"\1 x baseline"),
    (rf"\b({_NUMBER}) ?x$", r"\1 x baseline"),
    (r"\bdoubles\b", "> 2 x baseline"),
    (r"\btriples\b", "> 3 x baseline"),
)
"""Comparisons with the baseline."""

TABLES = (_SEVERAL, _WRAPPERS, _CHARACTERS, _SHARES, _STATISTICS, _METRICS, _COMPARISONS, _EVENTS, _TIMES, _BASELINES)
