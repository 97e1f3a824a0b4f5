//! The client against real sockets: servers that answer with given bytes, well-formed or not, and write down what
//! they were asked.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use reqwest::Url;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;

mod calls;
mod downloads;
mod errors;
mod soak;

const TOKEN: &str = "wrkaus-s3cret-token";
const TURN: Turn<'_> = Turn { project: "orders", class: Class::Export };

/// A server that gives the next of its answers to each request, and then closes the connection.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        let mut answers: VecDeque<Vec<u8>> = answers.into_iter().map(Into::into).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                heard.lock().unwrap().push(request);
                // One that has nothing to say hangs up.
                stream.write_all(&answers.pop_front().unwrap_or_default()).await.unwrap();
            }
        });
        Self { url, asked, _task: task }
    }

    /// Waits until so many requests have come.
    async fn heard(&self, count: usize) {
        while self.asked().len() < count {
            tokio::task::yield_now().await;
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads the head, in lower case, and the body as long as the head says.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return format!("{head}\r\n\r\n{body}");
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "a request that ends too early");
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}

fn json(body: &str) -> String {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

fn redirect(to: &str) -> String {
    answer("302 Found", &format!("Location: {to}\r\n"), "")
}

fn bearer() -> Auth {
    Auth::Bearer(SecretString::from(TOKEN))
}

fn key_pair() -> Auth {
    Auth::EmailToken { email: "ops@acme.example".to_owned(), token: SecretString::from(TOKEN) }
}

fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(NonZeroU64::new(1000).unwrap(), NonZeroU64::new(500).unwrap(), None))
}

fn connect(url: &str, auth: Auth) -> Result<Client, SettingsError> {
    Client::new(Settings { url: Url::parse(url).unwrap(), auth, budget: budget() }, &Http::new())
}

fn client(server: &Server) -> Client {
    connect(&server.url, bearer()).unwrap()
}
