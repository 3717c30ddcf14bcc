# What each value is. The values themselves are in terraform.tfvars.json, which sdev writes.

variable "account_id" {
  description = "Cloudflare account."
  type        = string
}

variable "zone_id" {
  description = "Zone of the domain."
  type        = string
}

variable "team" {
  description = "Name of the Zero Trust organisation: the part before .cloudflareaccess.com."
  type        = string
}

variable "name" {
  description = "Names what is made."
  type        = string
}

variable "domain" {
  description = "Name under which the app is reached."
  type        = string
}

variable "base_path" {
  description = "Path below which the app lives, with a slash before it. Empty: all of the domain."
  type        = string
  default     = ""
}

variable "port" {
  description = "Port that Streamlit listens on in its container."
  type        = number
}

variable "session_duration" {
  description = "How long a sign-in holds."
  type        = string
}

variable "identity_providers" {
  description = "Ids of the identity providers that people may choose from. Empty: all of the account."
  type        = list(string)
  default     = []
}

# Who may open which pages. sdev made it from x-sdev.auth.policies, `members` and `groups`. Each entry
# is an application of Access with a policy of its own; the one whose path is longest decides.
variable "access" {
  description = "Applications by name: the paths they cover, and who gets in."
  type = map(object({
    paths = list(string) # of the domain, with a slash before them; "" is all of it
    scope = bool         # the cookie holds for the path alone
    people = list(object({
      kind = string # person, domain, or how the provider calls a group: see local.rules
      text = string
    }))
  }))
}

variable "group_provider" {
  description = "Identity provider that the groups are of, where they are not groups of Access."
  type        = string
  default     = ""
}
