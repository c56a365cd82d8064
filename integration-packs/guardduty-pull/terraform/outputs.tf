output "role_arn" {
  description = "The ARN the integration is configured with"
  value       = aws_iam_role.insider_risk.arn
}
