# The state lies in this directory until you say otherwise, which is fine to look at a plan and wrong for
# a team. `--set state-bucket=NAME` puts it into a bucket of R2 of the same account:
#
# terraform {
#   backend "s3" {
#     bucket = "NAME"
#     key    = "shop.tfstate"
#     region = "auto"
#     # and the settings that make an S3 client speak to R2
#   }
# }
