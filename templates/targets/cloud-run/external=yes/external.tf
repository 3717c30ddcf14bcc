# Guests have no Google account of yours. They come from networks that you know (Cloud Armor), and
# sign in with an e-mail address and a password that you gave them (Identity Platform).
#
# For this backend IAP looks at the sign-in alone and ignores IAM: everybody with an account of the
# tenant gets in, to every page. What they may see is for the app to decide (README.md).

variable "external_domain" {
  description = "Name under which guests reach the app."
  type        = string
}

variable "external_cidrs" {
  description = "Networks that guests come from."
  type        = list(string)

  validation {
    condition     = length(var.external_cidrs) > 0 && alltrue([for c in var.external_cidrs : can(cidrhost(c, 0))])
    error_message = "List at least one network, such as 203.0.113.0/24. To allow every network, list 0.0.0.0/0."
  }
}

variable "login_page" {
  description = "Address of the page on which guests sign in, made on the console after the first apply. Empty: no guest gets in yet."
  type        = string
  default     = ""
}

locals {
  # The page on which guests sign in has to be among them, or it is refused.
  authorized_domains = concat([var.external_domain], [for page in compact([var.login_page]) : regex("^https://([^/:?#]+)", page)[0]])

  external_services    = ["identitytoolkit.googleapis.com"]
  external_domains     = [var.external_domain]
  external_backends    = { (var.external_domain) = google_compute_backend_service.external.id }
  external_backend_ids = [google_compute_backend_service.external.generated_id]
}

resource "google_compute_backend_service" "external" {
  name                  = "${var.name}-external"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.external.id

  backend {
    group = google_compute_region_network_endpoint_group.app.id
  }

  # Until login_page is set this asks for a Google account, and nobody has been granted anything.
  iap {
    enabled = true
  }

  log_config {
    enable      = true
    sample_rate = 1
  }
}

# Asked before anybody is sent to sign in: from elsewhere there is a bare 403.
resource "google_compute_security_policy" "external" {
  name        = "${var.name}-external"
  description = "Networks that guests of ${var.name} come from"

  rule {
    description = "Known exploits of log4j"
    action      = "deny(403)"
    priority    = 100
    match {
      expr {
        expression = "evaluatePreconfiguredWaf('cve-canary')"
      }
    }
  }

  # A rule takes ten networks.
  dynamic "rule" {
    for_each = { for i, cidrs in chunklist(var.external_cidrs, 10) : 1000 + i => cidrs }
    content {
      description = "Guests"
      action      = "allow"
      priority    = rule.key
      match {
        versioned_expr = "SRC_IPS_V1"
        config {
          src_ip_ranges = rule.value
        }
      }
    }
  }

  rule {
    description = "Everybody else"
    action      = "deny(403)"
    priority    = 2147483647
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [google_project_service.this]
}

# Accounts are made by you, on the console or by API: nobody can sign up or delete an account.
resource "google_identity_platform_config" "this" {
  authorized_domains = local.authorized_domains

  sign_in {
    email {
      enabled           = true
      password_required = true
    }
  }

  multi_tenant {
    allow_tenants = true
  }

  client {
    permissions {
      disabled_user_signup   = true
      disabled_user_deletion = true
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_identity_platform_tenant" "external" {
  display_name          = trim(substr("${var.name}-guests", 0, 20), "-")
  allow_password_signup = true # "may sign in with a password"; signing up is the next line

  client {
    permissions {
      disabled_user_signup   = true
      disabled_user_deletion = true
    }
  }

  depends_on = [google_identity_platform_config.this]
}

resource "google_iap_settings" "external" {
  count = var.login_page == "" ? 0 : 1

  name = "projects/${data.google_project.this.number}/iap_web/compute/services/${google_compute_backend_service.external.name}"

  access_settings {
    gcip_settings {
      tenant_ids     = [google_identity_platform_tenant.external.name]
      login_page_uri = var.login_page
    }
  }
}

output "tenant" {
  description = "Tenant in which guests have their accounts."
  value       = google_identity_platform_tenant.external.name
}
