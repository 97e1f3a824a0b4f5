//! Packages: the jobs of exports and imports, what is told of them, and their downloads.
//!
//! A job's state follows from time: it is done once its time has come, and is told to be once it has been looked
//! at often enough. What an import does is in `imports`.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Api, json};

use super::answer::{Answer, Call};
use super::blob::Blob;
use super::exports;
use super::faults::Then;
use super::imports::Import;
use super::kinds;
use super::world::World;

/// How many packages keep their zip; older ones answer 404, as after the platform's retention period.
const KEPT_ZIPS: usize = 100;
/// How many bytes of zips are kept, the newest aside: a workspace of 5,000 recipes makes 40 MB each time.
const KEPT_BYTES: usize = 256 << 20;

/// A job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Package {
    pub(super) manifest: Option<u64>,
    /// The file name of the zip.
    pub(super) name: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) ready_at: DateTime<Utc>,
    /// How many more looks are answered with `in_progress`.
    pub(super) polls: u32,
    pub(super) error: Option<String>,
    pub(super) zip: Option<Blob>,
    /// Set for imports.
    pub(super) import: Option<Import>,
    pub(super) odd: Odd,
}

/// What faults make of a job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Odd {
    pub(super) stuck: bool,
    pub(super) vanished: bool,
    pub(super) running: Option<String>,
    pub(super) done: Option<String>,
    pub(super) download_url: Option<String>,
}

impl Odd {
    pub(super) fn new(faults: &[Then]) -> Self {
        let mut odd = Self::default();
        for then in faults {
            match then {
                Then::Stuck => odd.stuck = true,
                Then::Vanish => odd.vanished = true,
                Then::Word { running, done } => (odd.running, odd.done) = (running.clone(), done.clone()),
                Then::DownloadUrl { text } => odd.download_url = Some(text.clone()),
                _ => {}
            }
        }
        odd
    }
}

impl Package {
    pub(super) fn is_done(&self, now: DateTime<Utc>) -> bool {
        !self.odd.stuck && self.ready_at <= now
    }

    /// Returns whether it is an import that has yet to take effect.
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        !self.is_done(now) && self.import.is_some()
    }
}

/// Returns the text that a fault makes a job fail with.
pub(super) fn failure(faults: &[Then]) -> Option<String> {
    faults.iter().find_map(|then| if let Then::Fail { error } = then { Some(error.clone()) } else { None })
}

impl World {
    pub(super) fn start_export(&mut self, call: &Call, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let manifest = self.manifests.get(&call.id).filter(|manifest| manifest.deleted_at.is_none());
        let name = format!("{}_workspace.zip", kinds::snake(&manifest.ok_or_else(Answer::not_found)?.name));
        let id = self.next_id();
        let built = match failure(&call.faults) {
            Some(error) => Err(error),
            None => exports::build(self, call, id, now),
        };
        let (zip, error) = match built {
            Ok(zip) => (Some(Blob::new(zip)), None),
            Err(error) => (None, Some(error)),
        };
        let package = Package {
            manifest: Some(call.id),
            name,
            created_at: now,
            ready_at: now + delay(self.settings.export_delay_ms),
            polls: self.settings.export_polls,
            error,
            zip,
            import: None,
            odd: Odd::new(&call.faults),
        };
        if let Some(manifest) = self.manifests.get_mut(&call.id) {
            manifest.exported_at = Some(now);
        }
        let shown = self.show_package(id, &package, now);
        self.keep(id, package, now);
        Ok(Answer::ok(&shown))
    }

    /// Remembers a package, and forgets the zips of old ones.
    pub(super) fn keep(&mut self, id: u64, package: Package, now: DateTime<Utc>) {
        self.packages.insert(id, package);
        let (mut count, mut bytes) = (0, 0);
        for package in self.packages.values_mut().rev().filter(|package| !package.is_open(now)) {
            let size = package.zip.as_ref().map_or(0, |zip| zip.bytes().len());
            count += usize::from(size > 0);
            bytes += size;
            if count > 1 && (count > KEPT_ZIPS || bytes > KEPT_BYTES) {
                package.zip = None;
            }
        }
        self.revision += 1;
    }

    pub(super) fn get_package(&mut self, call: &Call, now: DateTime<Utc>) -> Answer {
        let Some(package) = self.packages.get(&call.id).filter(|package| !package.odd.vanished) else {
            return Answer::not_found();
        };
        let shown = self.show_package(call.id, package, now);
        if package.is_done(now) && package.polls > 0 {
            self.revision += 1;
            self.packages.entry(call.id).and_modify(|package| package.polls -= 1);
        }
        Answer::ok(&shown)
    }

    pub(super) fn show_package(&self, id: u64, package: &Package, now: DateTime<Utc>) -> Api {
        let running = !package.is_done(now) || package.polls > 0;
        let odd = &package.odd;
        let status = match (running, &package.error) {
            (true, _) => odd.running.as_deref().unwrap_or("in_progress"),
            (false, Some(_)) => "failed",
            (false, None) => odd.done.as_deref().unwrap_or("completed"),
        };
        let has_link = package.import.is_some() || (!running && package.error.is_none());
        let link = has_link.then(|| self.link(id, package, now));
        let mut shown = json!({
            "id": id,
            "operation_type": if package.import.is_some() { "import" } else { "export" },
            "status": status,
            "download_url": odd.download_url.clone().filter(|_| !has_link).or(link),
        });
        match &package.import {
            Some(import) => {
                let results = if running { Vec::new() } else { import.told() };
                shown["recipe_status"] = results.into();
            }
            None => shown["export_manifest_id"] = package.manifest.into(),
        }
        if !running && let Some(error) = &package.error {
            shown["error"] = error.as_str().into();
        }
        shown
    }

    pub(super) fn download(&self, call: &Call, now: DateTime<Utc>) -> Answer {
        let package = self.packages.get(&call.id).filter(|package| {
            package.is_done(now) && package.polls == 0 && package.error.is_none() && !package.odd.vanished
        });
        let Some(package) = package.filter(|package| package.zip.is_some()) else {
            return Answer::not_found();
        };
        if let Some(zip) = package.zip.as_ref().filter(|_| call.faults.contains(&Then::Direct)) {
            return Answer::bytes("application/zip", zip.bytes().clone());
        }
        let link = redirect(&call.faults).unwrap_or_else(|| self.link(call.id, package, now));
        Answer { status: 302, ..Answer::bytes("text/html", bytes::Bytes::new()) }.with("location", link)
    }

    /// Answers the download origin: a signed link, for a while, to whoever carries no header of the API's.
    pub(super) fn store(&self, call: &Call, now: DateTime<Utc>) -> Answer {
        let refuse = |code: &str| {
            let body = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code></Error>");
            Answer { status: 403, ..Answer::bytes("application/xml", body.into()) }
        };
        let Some(package) = self.packages.get(&call.id) else { return refuse("AccessDenied") };
        let query = |key| call.query.get(key).map_or("", String::as_str);
        let until = query("X-Amz-Date").parse::<i64>().unwrap_or(0);
        if query("X-Amz-Signature") != self.sign(call.id, until) || until < now.timestamp_millis() {
            return refuse("AccessDenied");
        }
        match (redirect(&call.faults), &package.zip) {
            (Some(to), _) => {
                let to = if to == "again" { self.link(call.id, package, now) } else { to };
                Answer { status: 302, ..Answer::bytes("text/html", bytes::Bytes::new()) }.with("location", to)
            }
            (None, Some(zip)) => Answer::bytes("application/zip", zip.bytes().clone())
                .with("content-disposition", format!("attachment; filename=\"{}\"", package.name)),
            (None, None) => refuse("NoSuchKey"),
        }
    }

    fn link(&self, id: u64, package: &Package, now: DateTime<Utc>) -> String {
        let seconds = self.settings.link_seconds;
        let until = (now + TimeDelta::seconds(seconds)).timestamp_millis();
        let digits = format!("{id:09}");
        let (a, b, c) = (&digits[..3], &digits[3..6], &digits[6..]);
        format!(
            "{}/packages/zip_files/{a}/{b}/{c}/original/{}?X-Amz-Expires={seconds}&X-Amz-Date={until}&X-Amz-Signature={}",
            self.store_origin,
            package.name,
            self.sign(id, until)
        )
    }

    fn sign(&self, id: u64, until: i64) -> String {
        blake3::keyed_hash(&self.key, format!("{id} {until}").as_bytes()).to_hex().to_string()
    }
}

fn redirect(faults: &[Then]) -> Option<String> {
    faults.iter().find_map(|then| if let Then::Redirect { to } = then { Some(to.clone()) } else { None })
}

/// Returns the package number in the path of a download link.
pub(super) fn number_in(path: &str) -> Option<u64> {
    let digits = path.strip_prefix("/packages/zip_files/")?.split_once("/original/")?.0;
    digits.replace('/', "").parse().ok()
}

pub(super) fn delay(ms: u64) -> TimeDelta {
    i64::try_from(ms).ok().and_then(TimeDelta::try_milliseconds).unwrap_or(TimeDelta::days(365))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::routes::Route;

    fn call(route: Route, id: u64, body: &str) -> Call {
        Call { route, id, query: Default::default(), body: body.to_owned().into(), faults: Vec::new() }
    }

    #[test]
    fn old_packages_lose_their_zips_and_the_newest_does_not() {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let mut world = World::new(now);
        (world.settings.export_polls, world.store_origin) = (0, "http://store".to_owned());
        let wanted = r#"{"export_manifest":{"name":"m","auto_generate_assets":true}}"#;
        world.answer(&call(Route::ManifestCreate, 0, wanted), now);
        let manifest = *world.manifests.keys().next().unwrap();
        for _ in 0..=KEPT_ZIPS {
            world.answer(&call(Route::ExportStart, manifest, ""), now);
        }
        let status = |id: &u64| world.download(&call(Route::Download, *id, ""), now).status;
        let statuses: Vec<u16> = world.packages.keys().map(status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 302).count(), KEPT_ZIPS);
        assert_eq!((statuses[0], statuses[KEPT_ZIPS]), (404, 302));
    }

    #[test]
    fn a_link_names_its_package() {
        assert_eq!(number_in("/packages/zip_files/000/001/014/original/x.zip"), Some(1014));
        assert_eq!(number_in("/packages/zip_files/x/original/x.zip"), None);
        assert_eq!(number_in("/elsewhere"), None);
    }
}
