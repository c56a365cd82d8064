# A role that only the service can assume, only with the external id, and that only reads findings.
resource "aws_iam_role" "insider_risk" {
  name                 = var.role_name
  path                 = var.role_path
  description          = "Reads GuardDuty findings for Insider Risk Monitor"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.trusted_principal_arn }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "findings" {
  name   = "read-guardduty-findings"
  role   = aws_iam_role.insider_risk.id
  policy = file("${path.module}/../policy.json")
}
