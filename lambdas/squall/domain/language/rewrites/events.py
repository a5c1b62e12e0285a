"""Ways in which people write events, times and comparisons with the baseline, each with how the grammar says it.

These only make proposals (`proposals.py`), which people choose from: nothing here gives a sentence its meaning.
"""

import re

from squall.domain.language.rewrites.words import AT_MOST, BACK, COMPARE, FAULT, MANY, MEMBERS, NOT, NUMBER, REPLACED, TIME, Row


def _add_up_minutes(match: re.Match[str]) -> str:
    return f"{60 * int(match[1]) + int(match[2])} minutes"


EVENTS: tuple[Row, ...] = (
    (r"^(alarm \S+) (?:returns?|goes|comes|is)(?: back)? to ok\b.*$", r"\1 is OK"),
    (
        (
            r"^(?:(?:the|an?|our) )?(?:pager ?duty|opsgenie|on-?call(?: engineer| team)?|team|engineer|somebody|someone|operators?) "
            r"(?:is|are|gets?) (?:paged|alerted|called|notified|told)\b.*?( within \d+ ?[a-z]+).*$"
        ),
        r"alarm NAME fires\1",
    ),
    (rf"^all (?:of )?(?:the |our )?{MANY} {MEMBERS} (.+)$", r"\1 \2 \3"),
    (
        rf"^(?:at least )?{MANY} {MEMBERS} (?:keep|stay|remain|are kept|continue)(?: on)?(?: to)? (?:running|run|up|healthy|in service)$",
        r"healthy hosts >= \1",
    ),
    (
        r"^(?:(?:an?|the) )?(?:spot )?(?:replacement|new)(?: capacity| instances?)? (?:is|are|comes?|arrives?)\b.*?( within .+)?$",
        r"Auto Scaling launches replacement instance\1",
    ),
    (rf"^.*\b{MEMBERS} (?:is|are|gets?) (?:rescheduled|recreated|restarted|replaced)\b.*?( within .+)$", rf"{REPLACED}\2"),
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
            rf"^(?:exactly )?((?:at least |more than )?){MANY}(?: (?:healthy|running|new|ready|live))* {MEMBERS}"
            r"(?: (?:is|are|must be|should be|comes?|starts?|gets?|becomes?|recovers?|returns?))?"
            r"(?: (?:healthy|up|back|started|running|restored|available|online|run))*( within .+)$"
        ),
        r"\1\2 \3 run\4",
    ),
    (
        rf"^.*?\b(?:runs?|has|have|to|reaches) {MANY}(?: (?:healthy|running))* {MEMBERS}(?: (?:are|is|up|running))*( within .+)$",
        r"\1 \2 run\3",
    ),
    (rf"^{MEMBERS.replace('(', '(?:running |healthy )*(')}(?: count)? (?:>=|at least|is|=) {MANY}( within .+)$", r"\2 \1 run\3"),
    (rf"^((?:at least )?){MANY} (?:hosts?|servers?|nodes?|machines?|vms?)\b.*?( within .+)$", r"\1\2 instances run\3"),
    (
        rf"^((?:at least )?){MANY}(?: healthy)? (?:replicas?|containers?|targets?)\b.*?( within .+)$",
        r"\1\2 tasks run\3",
        r"\1\2 pods run\3",
        r"\1\2 instances run\3",
    ),
    (
        rf"^(?:all|both|every|each|the desired number of|100 ?% of)(?: the| our)? (?:{MEMBERS}|hosts?|nodes?|replicas?)\b.*?( within .+)$",
        rf"{REPLACED}\2",
    ),
    (r"^.*?\bdesired (?:count|capacity|number)\b.*?( within .+)$", rf"{REPLACED}\1"),
)
"""Alarms, recovery, replacement, and numbers of members."""

TIMES: tuple[Row, ...] = (
    (rf"^(.+?) (?:during|throughout) (?:the )?{FAULT} ({COMPARE}.+)$", r"\1 \2 during the fault"),
    (r"\b(within (?:\d+|[a-z]+) ?[a-z]+) (?:of|after|from|since) (?:the )?[a-z -]+$", r"\1"),
    (r" while (?!in\b).+$", " during the fault"),
    (rf"\bfor (\d+|[a-z]+) (?:consecutive|straight|successive) ({TIME})\b", r"for \1 \2"),
    (rf"^(?:during|throughout|while) (?:the )?{FAULT},? (.+)$", r"\1 during the fault"),
    (rf"^after (?:the )?(?:recovery|{FAULT}),? (.+)$", r"\1 during recovery"),
    (rf"^(.+?) {BACK}(?:{COMPARE} )?{NUMBER} ?(?:%|percent|{TIME})? ?within (\d+ ?[a-z]+)$", r"\1 recovers within \2"),
    (r"\b(\d{1,2}) ?h(?:ours?)? ?(\d{1,2}) ?m(?:in(?:utes?)?)?\b", _add_up_minutes),
    (r"\bPT(\d+)M\b", r"\1 minutes"),
    (r"\bPT(\d+)S\b", r"\1 seconds"),
    (r"\bPT(\d+)H\b", r"\1 hours"),
    (r"\bhalf an hour\b", "30 minutes"),
    (r"\bhalf a minute\b", "30 seconds"),
    (r"\ba (?:few|couple of) minutes\b", "5 minutes"),
    (
        (
            rf"\b(?:over|across|in|during|per) (?:(?:a|any|each|every|the last|the past) )?(\d+|one|two|five|ten)[- ]?({TIME})"
            r"(?: window| period)?\b"
        ),
        r"for \1 \2",
    ),
    (rf"\b(?:for )?(?:longer than|more than|at least|lasting|sustained for|consecutively for) (\d+ ?{TIME})$", r"for \1"),
    (
        rf"\b(?:throughout|all through|for the duration of|for the whole|while|whilst|at all times during|under) (?:the )?{FAULT}\b.*$",
        "during the fault",
    ),
    (rf"\bafter (?:the )?(?:recovery|{FAULT})\b.*$", "during recovery"),
    (rf"\bbefore (?:the )?{FAULT}\b.*$", "during baseline"),
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

BASELINES: tuple[Row, ...] = (
    (rf"\b{NOT} (?:increase|rise|grow|degrade|worsen)(?: by)? (?:more than|over|above) (?=\d)", "increases by <= "),
    (rf"\b{NOT} (?:decrease|drop|fall|decline)(?: by)? (?:more than|over|below) (?=\d)", "decreases by <= "),
    (rf"^{AT_MOST} (?:degradation|increase|rise) (?:in|of) (?:the )?(.+)$", r"\2 increases by <= \1 of baseline"),
    (rf"^{AT_MOST} (?:drop|decrease|loss) (?:in|of) (?:the )?(.+)$", r"\2 decreases by <= \1 of baseline"),
    (
        (
            r"\b(?:of|than|to|from|over|vs\.?|against|compared (?:to|with)) (?:(?:the|its) )?(?:normal|"
            r"usual|steady state|before|pre-fault|average)"
            r"(?: values?| levels?)?\b"
        ),
        "of baseline",
    ),
    (
        rf"\b(?:(?:stays?|is|remains?) )?within ({NUMBER}) ?(?:%|percent) of (?:the )?baseline\b",
        r"increases by <= \1 % of baseline",
        r"decreases by <= \1 % of baseline",
    ),
    (rf"\b(?:is )?({NUMBER} ?\S+) (?:above|over|higher than|more than) (?:the )?baseline\b", r"increases by <= \1 vs baseline"),
    (rf"\b{NOT} (?:increase|rise|grow|degrade|worsen|change)$", "increases by < 10 % of baseline"),
    (rf"\b{NOT} (?:decrease|drop|fall|decline)$", "decreases by < 10 % of baseline"),
    (r"\b(?:increas|ris|degrad|grow|worsen|deviat|chang)\w*(?: by)? (?=<|>|(?:at|less|more|no|not|under)\b)", "increases by "),
    (r"\b(?:decreas|drop|fall|declin|improv)\w*(?: by)? (?=<|>|(?:at|less|more|no|not|under)\b)", "decreases by "),
    (rf"\b(?:increases?|degrades?|rises?|grows?|worsens?|deviates?|changes?)(?: by)? (?={NUMBER})", "increases by < ", "increases by > "),
    (rf"\b(?:decreases?|drops?|falls?|declines?|improves?)(?: by)? (?={NUMBER})", "decreases by < ", "decreases by > "),
    (rf"\b({NUMBER}) ?-?fold\b", r"\1 x baseline"),
    (rf"\b({NUMBER}) ?x$", r"\1 x baseline"),
    (r"\bdoubles\b", "> 2 x baseline"),
    (r"\btriples\b", "> 3 x baseline"),
)
"""Comparisons with the baseline."""
