/** What is different from one app to the next. The values are in config.json and nowhere else. */
export interface Config {
  name: string;
  account: string;
  region: string;

  /** Address of the app, without https://. */
  domain: string;
  /** Route 53 zone of the domain; "none" where its DNS is elsewhere. */
  hostedZone: string;
  /** ARN of the domain's certificate; "create" makes one. */
  certificate: string;

  vpc: string;
  publicSubnets: string[];
  appSubnets: string[];
  /** Where the app's subnets have no NAT gateway. */
  assignPublicIp: boolean;
  /** Networks that may reach the sign-in page and, signed in, the app. */
  allowedCidrs: string[];
  /** Ports that the app may reach on the internet. */
  egressPorts: number[];

  cpu: number;
  memory: number;
  architecture: string;
  port: number;
  healthPath: string;
  /** What the container starts with instead of the image's ENTRYPOINT; [] leaves it to the image. */
  entryPoint: string[];
  /** What it hands to that instead of the image's CMD; [] leaves it to the image. */
  command: string[];
  environment: Record<string, string>;
  /** Parameters of SSM that the app reads, without the slash in front. */
  parameters: string[];
  /** Variables that ECS fills in, and the parameters of SSM that hold their values. */
  secrets: Record<string, string>;
  /** ARN of the key that they are encrypted with, where it is not the account's own for SSM. */
  kmsKey: string;
  /** Digest of the image, sha256:…; "" until there is one. `-c imageDigest=…` wins. */
  imageDigest: string;
  logDays: number;

  cognito: {
    /** Begins the address of the sign-in page; no other pool of the region may have it. */
    domainPrefix: string;
    mfa: string;
    threatProtection: boolean;
    sessionHours: number;
    groups: string[];
  };
  /** Paths that nobody may reach, as patterns of the load balancer, with the rule's priority. */
  closed: { priority: number; patterns: string[] }[];
  waf: boolean;
}
