#!/bin/sh
# Runs one experiment, or the gate, in a CI job. Settings come as environment variables, never as text in a command:
#   SQUALL_EXPERIMENT   a catalogue name or file to run
#   SQUALL_GATE         files that must be validated, with spaces between them; instead of SQUALL_EXPERIMENT
#   SQUALL_WITHIN_DAYS  how old a validation may be (30)
#   SQUALL_RERUN        true: run what does not pass
#   SQUALL_REPORTS      the folder for junit.xml, findings.sarif and findings.jsonl (squall-reports)
#   SQUALL_SUMMARY      the file that gets a summary in Markdown; default: summary.md in that folder
# SQUALL_STACK_NAME, AWS_REGION and credentials are those of the squall command. The exit code is squall's.
set -eu

reports=${SQUALL_REPORTS:-squall-reports}
mkdir -p "$reports"

if [ -n "${SQUALL_GATE:-}" ] && [ -n "${SQUALL_EXPERIMENT:-}" ] || [ -z "${SQUALL_GATE:-}${SQUALL_EXPERIMENT:-}" ]; then
    echo "Set one of SQUALL_EXPERIMENT and SQUALL_GATE." >&2
    exit 3
fi
if [ -n "${SQUALL_GATE:-}" ]; then
    set -f  # a file name is no pattern
    # shellcheck disable=SC2086
    set -- gate --within "${SQUALL_WITHIN_DAYS:-30}" $([ "${SQUALL_RERUN:-}" = true ] && echo --rerun) -- $SQUALL_GATE
    exec squall "$@"
fi
exec squall run --junit "$reports/junit.xml" --sarif "$reports/findings.sarif" --findings "$reports/findings.jsonl" \
    --summary "${SQUALL_SUMMARY:-$reports/summary.md}" -- "$SQUALL_EXPERIMENT"
