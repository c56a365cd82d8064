variable "integration" {
  description = "Short name of the integration, from terraform.tfvars.json"
  type        = string
}

variable "endpoint" {
  description = "Where findings are posted"
  type        = string
}

variable "api_key" {
  description = "Key of the integration; give it as TF_VAR_api_key"
  type        = string
  sensitive   = true
}
