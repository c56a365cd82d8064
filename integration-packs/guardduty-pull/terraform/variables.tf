variable "trusted_principal_arn" {
  description = "Who may assume the role: the ARN the service runs as"
  type        = string

  validation {
    condition     = can(regex("^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:(root|user/.+|role/.+)$", var.trusted_principal_arn))
    error_message = "Give the ARN of an account's root, a user or a role."
  }
}

variable "external_id" {
  description = "External id of the integration, from terraform.tfvars.json"
  type        = string
}

variable "role_name" {
  description = "Name of the role, as configured in the integration"
  type        = string
}

variable "role_path" {
  description = "Path of the role"
  type        = string
  default     = "/"
}
