# Who the app is towards Google. It has no rights; grant what the app needs here.
resource "google_service_account" "app" {
  account_id   = "${var.name}-app"
  display_name = "Runs ${var.name}"

  depends_on = [google_project_service.this]
}

resource "google_cloud_run_v2_service" "app" {
  name     = var.name
  location = var.region

  # What may reach the service, and what asks for a login: see the locals of the variant.
  ingress              = local.ingress
  default_uri_disabled = local.default_uri_disabled
  iap_enabled          = local.iap_on_service

  deletion_protection = true

  template {
    service_account = google_service_account.app.email

    # Streamlit's pages live on one WebSocket, and a request of Cloud Run may last an hour at most:
    # after that the browser connects again.
    timeout = "3600s"

    # A browser that connects again finds its session only in the instance that has it, and files that
    # were uploaded as well. One instance, always there: no cold start, nobody in the wrong one. Each open
    # tab is a request that does not end; beyond this number new tabs get "429".
    session_affinity                 = true
    max_instance_request_concurrency = 250

    scaling {
      min_instance_count = 1
      max_instance_count = 1
    }

    containers {
      image   = var.image
      command = length(var.entrypoint) == 0 ? null : var.entrypoint
      args    = length(var.arguments) == 0 ? null : var.arguments

      ports {
        container_port = var.port
      }

      resources {
        limits = {
          cpu    = var.cpu
          memory = var.memory
        }
        cpu_idle          = false # a script goes on between two requests
        startup_cpu_boost = true
      }

      # Streamlit's port is set here, so that the service and the image cannot disagree. The platform's
      # PORT is the same number.
      dynamic "env" {
        for_each = merge(var.environment, {
          IAP_AUDIENCES         = join(",", local.iap_audiences)
          STREAMLIT_SERVER_PORT = tostring(var.port)
        })
        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        period_seconds    = 3
        timeout_seconds   = 2
        failure_threshold = 40 # two minutes

        http_get {
          path = var.health_path
          port = var.port
        }
      }

      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 5
        failure_threshold = 3

        http_get {
          path = var.health_path
          port = var.port
        }
      }
    }
  }

  lifecycle {
    # The workflow deploys images. Terraform must not take them back.
    ignore_changes = [
      client,
      client_version,
      template[0].containers[0].image,
      template[0].revision,
    ]
  }

  depends_on = [google_project_service.this]
}
