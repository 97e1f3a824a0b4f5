//! Upstreams by ssh and by https, as hosts have them: a server of each kind on loopback with keys of its own.
//!
//! Where `sshd` or `openssl` is missing the story is not told, and says so.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::canary::GIT_TOKEN;
use super::daemon_stage::{Stage, recipe, wait_for};
use super::smart_http::SmartHttp;

/// Returns where a program is, or tells that what needs it is left out.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is told")]
fn find(program: &str, package: &str) -> Option<PathBuf> {
    let folders = std::env!("PATH").split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    let found = folders.map(|folder| Path::new(folder).join(program)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no {program} here: install {package}");
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "what an administrator does by hand")]
fn run(stage: &Stage, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(stage.path(".")).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A running server; it ends with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts sshd with keys of its own, and lets in who has `deploy_key`.
#[expect(clippy::disallowed_methods, reason = "the server itself")]
fn sshd(stage: &Stage, program: &Path, port: u16) -> Server {
    if rustix::process::getuid().is_root() {
        std::fs::create_dir_all("/run/sshd").unwrap(); // the service would make it
    }
    let at = |name: &str| stage.path(name).display().to_string();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
         StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
        at("host_key"),
        at("authorized_keys")
    );
    stage.write("sshd_config", &config);
    let log = std::fs::File::create(stage.path("sshd.log")).unwrap();
    let child = Command::new(program)
        .args(["-D", "-e", "-f", &at("sshd_config")])
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let server = Server(child);
    wait_for("sshd", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    server
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// One edit on each side, carried by a daemon.
fn both_ways(stage: &Stage) {
    let daemon = stage.start();
    stage.edit("dev", "orders", "intake", "edited");
    stage.commit("far", "orders/report.recipe.json", &recipe("report", "committed"));
    wait_for("the export", || stage.upstream_has("far", "orders/intake.recipe.json", "edited"));
    wait_for("the import", || stage.workspace_has("dev", "orders", "report", "committed"));
    stage.until("orders", "in_sync");
    daemon.stop();
}

#[track_caller]
fn stalls(stage: &Stage, reason: &str, hint: &str) {
    let outcome = stage.run(&["sync", "--give-up-after", "1ms"]);
    let status = stage.status("orders")["stalled"].clone();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let (said, way) = (status["reason"].as_str().unwrap(), status["hint"].as_str().unwrap_or_default());
    assert!(said.contains(reason) && way.contains(hint), "{status:#}");
}

#[test]
fn an_upstream_by_ssh_is_trusted_by_its_key_and_logged_in_to_with_ours() {
    let Some(program) = find("sshd", "openssh-server") else { return };
    let mut stage = Stage::new();
    stage.repository("far", "1s");
    stage.project("orders", "dev", "far", "1s");
    let port = free_port();
    let user = run(&stage, "id", &["-un"]);
    let url = format!("ssh://{user}@127.0.0.1:{port}{}", stage.path("far.git").display());
    stage.configure(|config| {
        let keyed = format!("url = \"{url}\"\nssh_key_file = \"deploy_key\"");
        config
            .replace("url = \"far.git\"", &keyed)
            .replace("[workspace.dev]\n", "[workspace.dev]\nrequests_per_minute = 10000\n")
    });
    for key in ["host_key", "deploy_key", "other_deploy_key"] {
        run(&stage, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key]);
    }
    // The program looks for known hosts where the machine says the user's home is, whatever `HOME` says.
    let known = format!(
        "-o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null",
        stage.path("known_hosts").display()
    );
    stage.write("bin/ssh", &format!("#!/bin/sh\nexec /usr/bin/ssh {known} \"$@\"\n"));
    std::fs::set_permissions(stage.path("bin/ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    stage.variable("PATH", &format!("{}:{}", stage.path("bin").display(), env!("PATH")));

    let server = sshd(&stage, &program, port);
    run(&stage, "cp", &["other_deploy_key.pub", "authorized_keys"]);
    stalls(&stage, "trust the host key of", "ssh-keyscan");
    let host_key = run(&stage, "cat", &["host_key.pub"]);
    stage.write("known_hosts", &format!("[127.0.0.1]:{port} {host_key}\n"));
    stalls(&stage, "log in at", "ssh_key_file");
    run(&stage, "cp", &["deploy_key.pub", "authorized_keys"]);
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    both_ways(&stage);

    // Somebody else answers at the same address.
    let other_key = run(&stage, "cat", &["other_deploy_key.pub"]);
    stage.write("known_hosts", &format!("[127.0.0.1]:{port} {other_key}\n"));
    stalls(&stage, "trust the host key of", "after checking the key");
    drop(server);
    stage.write("known_hosts", &format!("[127.0.0.1]:{port} {host_key}\n"));
    stalls(&stage, "gave up", "the way there");
    recipesync::fs::remove_file(&stage.path("other_deploy_key")).unwrap();
}

/// Puts TLS in front of a server, with a certificate of our own authority.
fn tls(stage: &Stage, runtime: &tokio::runtime::Runtime, behind: &str) -> String {
    let new =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let to = [
        "-keyout",
        "tls.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=ours",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ];
    run(stage, "openssl", &[&new[..], &to].concat());
    let certificate = CertificateDer::from_pem_file(stage.path("ca.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(stage.path("tls.key")).unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let behind = behind.strip_prefix("http://").unwrap().to_owned();
    runtime.spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            connections.spawn(async move {
                let Ok(mut secure) = acceptor.accept(stream).await else { return };
                let mut plain = tokio::net::TcpStream::connect(behind).await.unwrap();
                tokio::io::copy_bidirectional(&mut secure, &mut plain).await.ok(); // it ends as it ends
            });
        }
    });
    url
}

#[test]
fn an_upstream_by_https_is_trusted_by_its_authority_and_logged_in_to_with_a_token() {
    if find("openssl", "openssl").is_none() {
        return;
    }
    let mut stage = Stage::new();
    stage.repository("far", "1s");
    stage.project("orders", "dev", "far", "1s");
    let basic = "Basic eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5MG9mMHRoZTB1cHN0cmVhbTc3";
    let server = SmartHttp::serve(stage.path("."), basic);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let url = tls(&stage, &runtime, &server.url);
    stage.write("far.token", GIT_TOKEN);
    std::fs::set_permissions(stage.path("far.token"), std::fs::Permissions::from_mode(0o600)).unwrap();
    stage.configure(|config| {
        let keyed = format!("url = \"{url}/far.git\"\ntoken_file = \"far.token\"");
        config
            .replace("url = \"far.git\"", &keyed)
            .replace("[workspace.dev]\n", "[workspace.dev]\nrequests_per_minute = 10000\n")
    });
    stalls(&stage, "certificate", "");
    assert_eq!(server.let_in(), 0, "nobody was told the token");

    stage.variable("GIT_SSL_CAINFO", stage.path("ca.pem").to_str().unwrap());
    stage.write("far.token", "another");
    stalls(&stage, "log in at https://127.0.0.1", "token_file");
    stage.write("far.token", GIT_TOKEN);
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    both_ways(&stage);
    assert!(server.let_in() > 3);
}
