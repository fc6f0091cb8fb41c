import { runTool } from "./run_tool.ts";

/** Paths of a certificate and its key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate says; the defaults make a client's that is accepted. */
export interface CertificateTerms {
  /** Distinguished name as openssl takes it. */
  readonly subject: string;
  readonly usage?: "clientAuth" | "serverAuth";
  /** As openssl takes it: `DNS:server,IP:127.0.0.1`. */
  readonly names?: string;
  /** In place of the usual extensions, as openssl's configuration has them. */
  readonly extensions?: string;
  /** Of its key, as openssl names it. */
  readonly curve?: string;
  /** Another certificate of this CA that signs in its place. */
  readonly issuer?: CertificateFiles;
  /** Of validity: `YYYYMMDDHHMMSSZ`. */
  readonly from?: string;
  readonly to?: string;
}

const CONFIG = `
[ca]
default_ca = own
[own]
dir = .
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
[any]
commonName = optional
organizationalUnitName = optional
`;

function newKey(curve = "P-256"): string[] {
  return ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${curve}`, "-nodes"];
}

/** A CA of the test's own, kept by `openssl` in a folder. Its calls must not overlap. */
export class TestAuthority {
  private constructor(readonly folder: string, readonly name: string) {}

  static async create(folder: string, name = "test CA"): Promise<TestAuthority> {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/ca.cnf`, CONFIG);
    await Deno.writeTextFile(`${folder}/index.txt`, "");
    await Deno.writeTextFile(`${folder}/serial`, "1000\n");
    await Deno.writeTextFile(`${folder}/crlnumber`, "01\n");
    const authority = new TestAuthority(folder, name);
    await authority.#openssl(
      ...["req", "-x509", ...newKey(), "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"],
      ...["-subj", `/CN=${name}`, "-addext", "basicConstraints=critical,CA:TRUE"],
      ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    );
    return authority;
  }

  get certificate(): string {
    return `${this.folder}/ca.pem`;
  }

  /** The usual certificate of a server on loopback. */
  server(name = "server"): Promise<CertificateFiles> {
    return this.issue(name, {
      subject: "/CN=server",
      usage: "serverAuth",
      names: "DNS:server,IP:127.0.0.1",
    });
  }

  /** The usual certificate of a client. */
  client(name: string, role: string): Promise<CertificateFiles> {
    return this.issue(name, { subject: `/CN=${name}/OU=${role}` });
  }

  async issue(name: string, terms: CertificateTerms): Promise<CertificateFiles> {
    const { subject, curve, from, to, issuer, extensions = extensionsOf(terms) } = terms;
    await Deno.writeTextFile(`${this.folder}/${name}.ext`, extensions);
    await this.#openssl(
      ...["req", ...newKey(curve), "-keyout", `${name}.key`, "-out", `${name}.csr`],
      ...["-subj", subject],
    );
    await this.#openssl(
      ...["ca", "-config", "ca.cnf", "-batch", "-notext", "-preserveDN"],
      ...["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", `${name}.ext`],
      ...(issuer === undefined ? [] : ["-cert", issuer.certificate, "-keyfile", issuer.key]),
      ...(from === undefined ? [] : ["-startdate", from]),
      ...(to === undefined ? [] : ["-enddate", to]),
    );
    await Deno.chmod(`${this.folder}/${name}.key`, 0o600);
    return { certificate: `${this.folder}/${name}.pem`, key: `${this.folder}/${name}.key` };
  }

  /** A self-signed client's certificate. */
  async selfSigned(name: string): Promise<CertificateFiles> {
    await this.#openssl(
      ...["req", "-x509", ...newKey(), "-keyout", `${name}.key`, "-out", `${name}.pem`],
      ...[
        "-days",
        "2",
        "-subj",
        `/CN=${name}/OU=control`,
        "-addext",
        "extendedKeyUsage=clientAuth",
      ],
    );
    return { certificate: `${this.folder}/${name}.pem`, key: `${this.folder}/${name}.key` };
  }

  /** Takes a certificate back; the path of the list that says so. */
  async revoke({ certificate }: CertificateFiles): Promise<string> {
    await this.#openssl("ca", "-config", "ca.cnf", "-revoke", certificate);
    return await this.revocationList();
  }

  async revocationList(): Promise<string> {
    await this.#openssl("ca", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem");
    return `${this.folder}/crl.pem`;
  }

  #openssl(...args: string[]): Promise<string> {
    return runTool("sh", "-c", 'cd "$1" && shift && exec openssl "$@"', "sh", this.folder, ...args);
  }
}

function extensionsOf({ usage = "clientAuth", names }: CertificateTerms): string {
  return `basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n` +
    `extendedKeyUsage = ${usage}\n${names === undefined ? "" : `subjectAltName = ${names}\n`}`;
}
