import * as cdk from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';

import { accept } from './accept';

/**
 * What never gets as far as the sign-in: addresses with a bad name, known attacks, floods. It sees
 * the handshake of a WebSocket and nothing of what goes over it.
 */
export class Firewall extends Construct {
  constructor(scope: Construct, id: string, name: string, loadBalancer: string) {
    super(scope, id);

    const visible = (metricName: string): wafv2.CfnWebACL.VisibilityConfigProperty => ({
      cloudWatchMetricsEnabled: true,
      metricName: `${name}-${metricName}`,
      sampledRequestsEnabled: true,
    });
    const managed = (priority: number, rules: string, counted: string[] = []): wafv2.CfnWebACL.RuleProperty => ({
      name: rules,
      priority,
      overrideAction: { none: {} },
      statement: {
        managedRuleGroupStatement: {
          vendorName: 'AWS',
          name: rules,
          ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
        },
      },
      visibilityConfig: visible(rules),
    });

    const acl = new wafv2.CfnWebACL(this, 'Acl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visible('all'),
      rules: [
        managed(1, 'AWSManagedRulesAmazonIpReputationList'),
        managed(2, 'AWSManagedRulesKnownBadInputsRuleSet'),
        // What looks into bodies is only counted: it would refuse uploads above 8 KB, and files that hold
        // paths, addresses or a script.
        managed(3, 'AWSManagedRulesCommonRuleSet', [
          'SizeRestrictions_BODY',
          'CrossSiteScripting_BODY',
          'GenericLFI_BODY',
          'GenericRFI_BODY',
          'EC2MetaDataSSRF_BODY',
        ]),
        {
          name: 'flood',
          priority: 4,
          action: { block: {} },
          statement: { rateBasedStatement: { aggregateKeyType: 'IP', limit: 3000, evaluationWindowSec: 300 } },
          visibilityConfig: visible('flood'),
        },
      ],
    });
    new wafv2.CfnWebACLAssociation(this, 'Association', { resourceArn: loadBalancer, webAclArn: acl.attrArn });

    // WAF writes to groups alone whose names begin so.
    const group = new logs.LogGroup(this, 'Logs', {
      logGroupName: `aws-waf-logs-${name}`,
      retention: logs.RetentionDays.ONE_YEAR,
      removalPolicy: cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    accept(group, 'CKV_AWS_158', 'Encrypted with the key of CloudWatch; set encryptionKey where your rules ask for a key of your own.');
    new wafv2.CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [group.logGroupArn],
      // The session is in these.
      redactedFields: [{ singleHeader: { Name: 'cookie' } }, { singleHeader: { Name: 'authorization' } }],
    });
  }
}
