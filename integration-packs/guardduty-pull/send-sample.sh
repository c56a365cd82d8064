#!/bin/sh
# Lets GuardDuty make one sample finding in each region of .env. Needs the AWS command line, signed
# in to the account, with guardduty:ListDetectors and guardduty:CreateSampleFindings.
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

need aws awscli
for region in $IRM_REGIONS; do
  detector=$(aws guardduty list-detectors --region "$region" --query 'DetectorIds[0]' --output text)
  if [ -z "$detector" ] || [ "$detector" = None ]; then
    printf 'GuardDuty is not switched on in %s.\n' "$region" >&2
    continue
  fi
  aws guardduty create-sample-findings --region "$region" --detector-id "$detector" \
    --finding-types "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B"
  printf 'A sample finding is made in %s.\n' "$region"
done
echo "The next run of the integration fetches it; Run now on its page fetches at once."
