# GuardDuty findings of this region to the integration's address.
resource "aws_cloudwatch_event_connection" "insider_risk" {
  name               = "insider-risk-${var.integration}"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "x-api-key"
      value = var.api_key
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "insider_risk" {
  name                             = "insider-risk-${var.integration}"
  invocation_endpoint              = var.endpoint
  http_method                      = "POST"
  invocation_rate_limit_per_second = 10
  connection_arn                   = aws_cloudwatch_event_connection.insider_risk.arn
}

resource "aws_cloudwatch_event_rule" "findings" {
  name = "insider-risk-${var.integration}"
  event_pattern = jsonencode({
    source        = ["aws.guardduty"]
    "detail-type" = ["GuardDuty Finding"]
  })
}

resource "aws_cloudwatch_event_target" "insider_risk" {
  rule     = aws_cloudwatch_event_rule.findings.name
  arn      = aws_cloudwatch_event_api_destination.insider_risk.arn
  role_arn = aws_iam_role.invoke.arn
}

resource "aws_iam_role" "invoke" {
  name_prefix = "insider-risk-"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "invoke" {
  name = "invoke-api-destination"
  role = aws_iam_role.invoke.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "events:InvokeApiDestination"
      Resource = aws_cloudwatch_event_api_destination.insider_risk.arn
    }]
  })
}
