//! The data centres by name: a convenience for the configuration, which also takes any address.
//!
//! A token belongs to one data centre; no redirect from one to another is known.

/// The regions and the addresses of their API: Workato's `OpenAPI` file, and clients that talk to it.
const REGIONS: [(&str, &str); 11] = [
    ("us", "https://www.workato.com"),
    ("eu", "https://app.eu.workato.com"),
    ("jp", "https://app.jp.workato.com"),
    ("sg", "https://app.sg.workato.com"),
    ("au", "https://app.au.workato.com"),
    ("il", "https://app.il.workato.com"),
    ("cn", "https://app.workatoapp.cn"), // another domain than all the rest
    ("kr", "https://app.kr.workato.com"),
    ("uk", "https://app.uk.workato.com"),
    ("trial", "https://app.trial.workato.com"),
    ("preview", "https://app.preview.workato.com"),
];

/// Returns the address of a region's API, or `None` for a name that is no region.
#[must_use]
pub fn region_url(name: &str) -> Option<&'static str> {
    REGIONS.iter().find(|(region, _)| *region == name).map(|(_, url)| *url)
}

/// Returns the names of all regions, for messages and help.
pub fn region_names() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|(region, _)| *region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_an_https_address_of_its_own() {
        let addresses: std::collections::BTreeSet<_> = region_names().map(region_url).collect();
        assert_eq!(addresses.len(), REGIONS.len());
        assert!(addresses.iter().all(|url| url.is_some_and(|url| url.starts_with("https://"))));
        assert_eq!(region_url("cn"), Some("https://app.workatoapp.cn"));
        assert_eq!(region_url("US"), None);
    }
}
