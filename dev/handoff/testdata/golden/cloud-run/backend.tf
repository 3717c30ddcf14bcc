# The state lies in this directory until you say otherwise, which is fine to look at a plan and wrong for
# a team. `--set state-bucket=NAME` puts it into a bucket:
#
# terraform {
#   backend "gcs" {
#     bucket = "NAME"
#     prefix = "shop"
#   }
# }
