#!/bin/sh
# Removes the role again, in the way it was made. Terraform and CloudFormation ask before.
#   ./rollback.sh terraform
#   ./rollback.sh cloudformation [STACK]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
case ${1:-} in
  terraform)
    cd "$here/terraform"
    exec terraform destroy -var trusted_principal_arn=arn:aws:iam::000000000000:root
    ;;
  cloudformation)
    exec aws cloudformation delete-stack --stack-name "${2:-insider-risk}"
    ;;
  *)
    echo "Usage: $0 terraform | cloudformation [STACK]"
    echo "Afterwards pause or delete the integration on its page."
    ;;
esac
