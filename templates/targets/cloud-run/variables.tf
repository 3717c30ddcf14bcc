# What each value is. The values themselves are in terraform.tfvars.json, which sdev writes.

variable "project_id" {
  description = "Google Cloud project that everything is made in."
  type        = string
}

variable "region" {
  description = "Region of the service and of the image registry."
  type        = string
}

variable "name" {
  description = "Name of the service, and the beginning of all other names."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$", var.name))
    error_message = "Lower-case letters, digits and dashes, 30 at most, beginning with a letter."
  }
}

variable "image" {
  description = "Image of the first revision, by digest. Later ones come from the workflow."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest: a tag can be moved to another image."
  }
}

variable "port" {
  description = "Port that Streamlit listens on in the container."
  type        = number
}

variable "health_path" {
  description = "Path that answers 200 once Streamlit is up."
  type        = string
}

variable "cpu" {
  description = "CPUs of an instance."
  type        = string
}

variable "memory" {
  description = "Memory of an instance. /tmp and the home directory are part of it."
  type        = string
}

variable "environment" {
  description = "Environment variables of the app. No secrets: they stand in the state and on the console."
  type        = map(string)
  default     = {}
}

variable "entrypoint" {
  description = "What the container starts with instead of the image's ENTRYPOINT. Empty: the image decides."
  type        = list(string)
  default     = []
}

variable "arguments" {
  description = "What it hands to that instead of the image's CMD. Empty: the image decides."
  type        = list(string)
  default     = []
}

variable "github_repository" {
  description = "Repository whose workflow may push images and deploy, as owner/name."
  type        = string
}

variable "github_repository_id" {
  description = "Number of that repository, which stays when a name is taken by somebody else. Empty: the name alone counts."
  type        = string
  default     = ""
}

variable "github_branch" {
  description = "Branch whose workflow may do so."
  type        = string
}

# Who may open which pages. sdev made it from x-sdev.auth.policies, `members` and `groups`: where one
# policy is more specific than another, the other's expression excludes it, because grants of IAM only
# ever add up.
variable "access" {
  description = "Grants: members, and the paths as a condition of IAM; an empty expression is all paths."
  type = map(object({
    members    = list(string)
    expression = string
  }))
}
