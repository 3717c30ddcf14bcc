import * as cdk from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as actions from 'aws-cdk-lib/aws-elasticloadbalancingv2-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as targets from 'aws-cdk-lib/aws-route53-targets';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';

import { accept } from './accept';
import { Config } from './config';
import { Firewall } from './firewall';
import { SignIn } from './sign-in';

/** The app: a load balancer that lets in whoever has signed in, and a Fargate service behind it. */
export class AppStack extends cdk.Stack {
  constructor(scope: Construct, id: string, config: Config, digest: string, props: cdk.StackProps) {
    super(scope, id, props);
    // Nothing is looked up in the cloud, so that this synthesises the same everywhere. Subnets are
    // named one by one, so the zones are of no use.
    const vpc = ec2.Vpc.fromVpcAttributes(this, 'Vpc', { vpcId: config.vpc, availabilityZones: ['unused'] });

    cdk.Annotations.of(this).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId', 'Nothing here asks for route tables.');

    const signIn = new SignIn(this, 'SignIn', config);
    const balancerGroup = new ec2.SecurityGroup(this, 'LoadBalancerGroup', {
      vpc,
      description: 'Who may reach the load balancer, and whom it may',
      allowAllOutbound: false,
    });
    const appGroup = new ec2.SecurityGroup(this, 'AppGroup', {
      vpc,
      description: 'The app, reached by the load balancer alone',
      allowAllOutbound: false,
    });
    this.rules(config, balancerGroup, appGroup);

    const balancer = this.loadBalancer(config, vpc, balancerGroup);
    const service = this.service(config, digest, appGroup, vpc, {
      ALB_ARN: balancer.loadBalancerArn,
      COGNITO_CLIENT_ID: signIn.client.userPoolClientId,
      COGNITO_DOMAIN: signIn.domain.baseUrl(),
      COGNITO_USER_POOL_ID: signIn.pool.userPoolId,
    });
    this.listeners(config, balancer, service, signIn, vpc);
    if (config.waf) {
      new Firewall(this, 'Firewall', config.name, balancer.loadBalancerArn);
    }

    new cdk.CfnOutput(this, 'Address', { value: `https://${config.domain}` });
    new cdk.CfnOutput(this, 'LoadBalancerName', { value: balancer.loadBalancerDnsName });
    new cdk.CfnOutput(this, 'UserPoolId', { value: signIn.pool.userPoolId });
  }

  private rules(config: Config, balancer: ec2.SecurityGroup, app: ec2.SecurityGroup): void {
    for (const cidr of config.allowedCidrs) {
      const peer = cidr.includes(':') ? ec2.Peer.ipv6(cidr) : ec2.Peer.ipv4(cidr);
      balancer.addIngressRule(peer, ec2.Port.tcp(443), 'HTTPS');
      balancer.addIngressRule(peer, ec2.Port.tcp(80), 'HTTP, only to be redirected');
    }
    if (config.allowedCidrs.some((cidr) => cidr.endsWith('/0'))) {
      cdk.Validations.of(balancer).acknowledge({
        id: 'AwsSolutions-EC23',
        reason: 'allowed-cidrs is everybody: whoever has an account signs in from anywhere.',
      });
      accept(balancer, 'CKV_AWS_260', 'Port 80 answers with a redirect and nothing else.');
    }
    balancer.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'Cognito, which the load balancer asks who signed in');
    balancer.addEgressRule(app, ec2.Port.tcp(config.port), 'The app');
    app.addIngressRule(balancer, ec2.Port.tcp(config.port), 'The load balancer');
    for (const port of config.egressPorts) {
      app.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(port), 'AWS, and what else the app asks');
    }
  }

  private subnets(id: string, ids: string[]): ec2.ISubnet[] {
    return ids.map((subnet, i) => ec2.Subnet.fromSubnetId(this, `${id}${i}`, subnet));
  }

  private loadBalancer(config: Config, vpc: ec2.IVpc, securityGroup: ec2.SecurityGroup): elb.ApplicationLoadBalancer {
    const balancer = new elb.ApplicationLoadBalancer(this, 'LoadBalancer', {
      vpc,
      vpcSubnets: { subnets: this.subnets('Public', config.publicSubnets) },
      internetFacing: true,
      securityGroup,
      // Streamlit pings its WebSocket every 30 s: 30 s and less cut sessions.
      idleTimeout: cdk.Duration.seconds(300),
      dropInvalidHeaderFields: true,
      desyncMitigationMode: elb.DesyncMitigationMode.DEFENSIVE,
      deletionProtection: true,
    });

    const bucket = new s3.Bucket(this, 'AccessLogs', {
      encryption: s3.BucketEncryption.S3_MANAGED, // the load balancer can write to no other kind
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      versioned: true,
      lifecycleRules: [{ expiration: cdk.Duration.days(90), noncurrentVersionExpiration: cdk.Duration.days(7), abortIncompleteMultipartUploadAfter: cdk.Duration.days(1) }],
      removalPolicy: cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    cdk.Validations.of(bucket).acknowledge({ id: 'AwsSolutions-S1', reason: 'It holds the access logs itself.' });
    accept(bucket, 'CKV_AWS_18', 'It holds the access logs itself.');
    balancer.logAccessLogs(bucket, 'alb');
    return balancer;
  }

  private service(config: Config, digest: string, securityGroup: ec2.SecurityGroup, vpc: ec2.IVpc, identity: Record<string, string>): ecs.FargateService {
    const cluster = new ecs.Cluster(this, 'Cluster', {
      clusterName: config.name,
      vpc,
      containerInsightsV2: ecs.ContainerInsights.ENABLED,
    });
    const task = new ecs.FargateTaskDefinition(this, 'Task', {
      family: config.name,
      cpu: config.cpu,
      memoryLimitMiB: config.memory,
      runtimePlatform: {
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
        cpuArchitecture: config.architecture === 'ARM64' ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64,
      },
    });
    if (config.parameters.length > 0) {
      task.addToTaskRolePolicy(
        new iam.PolicyStatement({
          actions: ['ssm:GetParameter'],
          resources: config.parameters.map((name) => this.formatArn({ service: 'ssm', resource: 'parameter', resourceName: name })),
        }),
      );
      if (config.kmsKey !== '') {
        task.addToTaskRolePolicy(new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [config.kmsKey] }));
      }
    }

    const linuxParameters = new ecs.LinuxParameters(this, 'Linux', { initProcessEnabled: true });
    linuxParameters.addTmpfs({
      containerPath: '/tmp',
      size: 256,
      mountOptions: [ecs.TmpfsMountOption.NOSUID, ecs.TmpfsMountOption.NODEV],
    });
    const logGroup = new logs.LogGroup(this, 'Logs', {
      logGroupName: `/ecs/${config.name}`,
      retention: config.logDays,
      removalPolicy: cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    accept(logGroup, 'CKV_AWS_158', 'Encrypted with the key of CloudWatch; set encryptionKey where your rules ask for a key of your own.');
    const repository = ecr.Repository.fromRepositoryName(this, 'Repository', config.name);
    task.addContainer('app', {
      memoryLimitMiB: config.memory,
      image: ecs.ContainerImage.fromEcrRepository(repository, digest),
      entryPoint: config.entryPoint.length > 0 ? config.entryPoint : undefined,
      command: config.command.length > 0 ? config.command : undefined,
      portMappings: [{ containerPort: config.port }],
      environment: { ...config.environment, ...identity },
      secrets: this.secrets(config),
      readonlyRootFilesystem: true,
      linuxParameters,
      stopTimeout: cdk.Duration.seconds(30),
      logging: ecs.LogDrivers.awsLogs({
        streamPrefix: 'app',
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: cdk.Size.mebibytes(4),
        logGroup,
      }),
    });
    cdk.Validations.of(task).acknowledge(
      { id: 'AwsSolutions-ECS2', reason: 'The values are settings and names. Secrets come from SSM, through the task role.' },
      { id: 'AwsSolutions-IAM5[Resource::*]', reason: 'ecr:GetAuthorizationToken knows no resources.' },
      { id: 'CloudFormation-Validate::E1029', reason: 'A dollar and a brace in a setting of the app are meant as they stand.' },
    );
    (task.node.defaultChild as ecs.CfnTaskDefinition).addMetadata('cfn-lint', { config: { ignore_checks: ['E1029'] } });

    return new ecs.FargateService(this, 'Service', {
      serviceName: config.name,
      cluster,
      taskDefinition: task,
      vpcSubnets: { subnets: this.subnets('App', config.appSubnets) },
      assignPublicIp: config.assignPublicIp,
      securityGroups: [securityGroup],
      platformVersion: ecs.FargatePlatformVersion.LATEST,
      circuitBreaker: { enable: true, rollback: true },
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      healthCheckGracePeriod: cdk.Duration.seconds(120),
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    });
  }

  private secrets(config: Config): Record<string, ecs.Secret> {
    const encryptionKey = config.kmsKey === '' ? undefined : kms.Key.fromKeyArn(this, 'Key', config.kmsKey);
    return Object.fromEntries(
      Object.entries(config.secrets).map(([name, parameterName]) => [
        name,
        ecs.Secret.fromSsmParameter(
          ssm.StringParameter.fromSecureStringParameterAttributes(this, `Secret ${name}`, { parameterName, encryptionKey }),
        ),
      ]),
    );
  }

  private listeners(config: Config, balancer: elb.ApplicationLoadBalancer, service: ecs.FargateService, signIn: SignIn, vpc: ec2.IVpc): void {
    const zone =
      config.hostedZone === 'none'
        ? undefined
        : route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', { hostedZoneId: config.hostedZone, zoneName: config.domain });
    const certificate =
      config.certificate === 'create'
        ? new acm.Certificate(this, 'Certificate', { domainName: config.domain, validation: acm.CertificateValidation.fromDns(zone) })
        : acm.Certificate.fromCertificateArn(this, 'Certificate', config.certificate);
    if (certificate.node.defaultChild) {
      // The certificate takes longest and fails most, and a stack that failed could not take away again
      // what is protected against deletion.
      const protectedOne = balancer.node.defaultChild as elb.CfnLoadBalancer;
      protectedOne.addResourceDependency(certificate.node.defaultChild as acm.CfnCertificate);
    }
    if (zone) {
      new route53.ARecord(this, 'Record', { zone, target: route53.RecordTarget.fromAlias(new targets.LoadBalancerTarget(balancer)) });
    }

    const group = new elb.ApplicationTargetGroup(this, 'Targets', {
      vpc,
      targetType: elb.TargetType.IP,
      protocol: elb.ApplicationProtocol.HTTP,
      port: config.port,
      targets: [service.loadBalancerTarget({ containerName: 'app', containerPort: config.port })],
      // A session lives in the memory of one task: whoever has one comes back to it.
      stickinessCookieDuration: cdk.Duration.days(1),
      deregistrationDelay: cdk.Duration.seconds(30),
      healthCheck: {
        path: config.healthPath,
        healthyHttpCodes: '200',
        interval: cdk.Duration.seconds(10),
        timeout: cdk.Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 3,
      },
    });

    balancer.addListener('Http', {
      port: 80,
      open: false,
      defaultAction: elb.ListenerAction.redirect({ protocol: 'HTTPS', port: '443', permanent: true }),
    });
    // Signing in is the default action: a request that no rule thinks of is not let through.
    const https = balancer.addListener('Https', {
      port: 443,
      open: false,
      certificates: [certificate],
      sslPolicy: elb.SslPolicy.RECOMMENDED_TLS,
      defaultAction: new actions.AuthenticateCognitoAction({
        userPool: signIn.pool,
        userPoolClient: signIn.client,
        userPoolDomain: signIn.domain,
        scope: 'openid email',
        sessionTimeout: cdk.Duration.hours(config.cognito.sessionHours),
        onUnauthenticatedRequest: elb.UnauthenticatedAction.AUTHENTICATE,
        next: elb.ListenerAction.forward([group]),
      }),
    });
    const attributes = https.node.defaultChild as elb.CfnListener;
    attributes.listenerAttributes = [
      { key: 'routing.http.response.strict_transport_security.header_value', value: 'max-age=31536000' },
      { key: 'routing.http.response.x_content_type_options.header_value', value: 'nosniff' },
      { key: 'routing.http.response.server.enabled', value: 'false' },
    ];

    for (const { priority, patterns } of config.closed) {
      https.addAction(`Closed${priority}`, {
        priority,
        conditions: [elb.ListenerCondition.pathPatterns(patterns)],
        action: elb.ListenerAction.fixedResponse(403, { contentType: 'text/plain', messageBody: 'Closed' }),
      });
    }
  }
}
