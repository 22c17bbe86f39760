//! Fetching from a server on this machine: whole, in parts, and everything that a server or a manifest can do wrong.

use std::fs;
use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use kiln_datasets::{DatasetError, Recipe, fetch};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Serves files by path. It ends with the test program.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// With ranges, where asked for.
    Ranges,
    /// Without.
    Plain,
    /// The first answer breaks off in the middle.
    BreaksOffOnce,
}

impl Server {
    fn new(files: Vec<(&'static str, Vec<u8>)>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        thread::spawn(move || {
            let answered = AtomicUsize::new(0);
            for stream in listener.incoming().flatten() {
                let first = answered.fetch_add(1, Ordering::Relaxed) == 0;
                // A client that hangs up is part of the test.
                let _ = answer(stream, &files, manner, first, &log);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn answer(
    mut stream: TcpStream,
    files: &[(&str, Vec<u8>)],
    manner: Manner,
    first: bool,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut from = 0;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    log.lock().unwrap().push(format!("{path} from {from}"));
    let Some((_, bytes)) = files.iter().find(|(name, _)| path == format!("/{name}")) else {
        return stream.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    };
    let (status, rest) = match manner {
        Manner::Plain => ("200 OK", &bytes[..]),
        _ if from > 0 => ("206 Partial Content", &bytes[from..]),
        _ => ("200 OK", &bytes[..]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        rest.len()
    );
    stream.write_all(head.as_bytes())?;
    let sent = if manner == Manner::BreaksOffOnce && first {
        rest.len() / 2
    } else {
        rest.len()
    };
    stream.write_all(&rest[..sent])
}

/// A manifest with one file.
fn one(url: &str, name: &str, bytes: &[u8]) -> Recipe {
    let text = format!(
        r#"{{"name": "x", "licence": "CC0", "files": [{{"name": "{name}", "url": "{url}/{name}", "bytes": {}, "sha256": "{}"}}]}}"#,
        bytes.len(),
        sha256(bytes)
    );
    Recipe::parse(&text).unwrap()
}

fn content() -> Vec<u8> {
    (0..200_000u32).flat_map(|i| i.to_le_bytes()).collect()
}

#[test]
fn files_are_fetched_once_and_checked() {
    let server = Server::new(vec![("a.png", content())], Manner::Ranges);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("new");
    let recipe = one(&server.url, "a.png", &content());
    let seen = Mutex::new(0);
    let dataset = fetch(&recipe, &target, &|name, done, total| {
        assert!(name == "a.png" && done <= total);
        *seen.lock().unwrap() += 1;
    })
    .unwrap();
    assert!(*seen.lock().unwrap() > 1);
    assert_eq!(fs::read(target.join("a.png")).unwrap(), content());
    dataset.verify().unwrap();
    assert_eq!(server.requests(), ["/a.png from 0"]);

    fetch(&recipe, &target, &|_, _, _| ()).unwrap();
    assert!(server.requests().is_empty());
    // A changed file is fetched again.
    fs::write(target.join("a.png"), "x").unwrap();
    fetch(&recipe, &target, &|_, _, _| ())
        .unwrap()
        .verify()
        .unwrap();
    assert_eq!(server.requests(), ["/a.png from 0"]);
}

#[test]
fn an_interrupted_fetch_goes_on() {
    for manner in [Manner::Ranges, Manner::Plain] {
        let server = Server::new(vec![("a.png", content())], manner);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.png.part"), &content()[..1000]).unwrap();
        let recipe = one(&server.url, "a.png", &content());
        fetch(&recipe, folder.path(), &|_, _, _| ()).unwrap();
        assert_eq!(server.requests(), ["/a.png from 1000"]);
        assert_eq!(fs::read(folder.path().join("a.png")).unwrap(), content());
        assert!(!folder.path().join("a.png.part").exists());
    }
    let server = Server::new(vec![("a.png", content())], Manner::BreaksOffOnce);
    let folder = tempfile::tempdir().unwrap();
    let recipe = one(&server.url, "a.png", &content());
    let error = fetch(&recipe, folder.path(), &|_, _, _| ()).unwrap_err();
    assert!(matches!(error, DatasetError::Download { .. }), "{error}");
    assert!(!folder.path().join("a.png").exists());
    fetch(&recipe, folder.path(), &|_, _, _| ())
        .unwrap()
        .verify()
        .unwrap();
    assert_eq!(server.requests()[1], "/a.png from 400000");
}

#[test]
fn what_is_not_as_stated_is_refused() {
    let other = |mut bytes: Vec<u8>| {
        bytes[5] ^= 1;
        bytes
    };
    let longer = |mut bytes: Vec<u8>| {
        bytes.push(0);
        bytes
    };
    let files = vec![
        ("other.png", other(content())),
        ("longer.png", longer(content())),
        ("shorter.png", content()[1..].to_vec()),
    ];
    let server = Server::new(files, Manner::Ranges);
    let folder = tempfile::tempdir().unwrap();
    for (name, part) in [
        ("other.png", "SHA-256"),
        ("longer.png", "more than the 800000"),
        ("shorter.png", "799999 of 800000"),
        ("missing.png", "404"),
    ] {
        let recipe = one(&server.url, name, &content());
        let error = fetch(&recipe, folder.path(), &|_, _, _| ()).unwrap_err();
        assert!(error.to_string().contains(part), "{name}: {error}");
        assert!(!folder.path().join(name).exists());
    }
    // Nothing is left to go on from, but for the file that was too short.
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["shorter.png.part"]);
}

#[test]
fn archives_give_the_members_that_are_listed() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("in/a.png", b"first".as_slice()),
        ("in/b.png", b"second"),
        ("c.txt", b"x"),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    let server = Server::new(vec![("set.zip", zip.clone())], Manner::Ranges);
    let recipe = |bytes: usize| {
        let text = format!(
            r#"{{"name": "x", "licence": "CC0", "archives": [{{"url": "{}/set.zip", "bytes": {}, "sha256": "{}", "members": [
                {{"member": "in/a.png", "name": "one.png", "bytes": 5, "sha256": "{}"}},
                {{"member": "in/b.png", "name": "two.png", "bytes": {bytes}, "sha256": "{}"}}]}}]}}"#,
            server.url,
            zip.len(),
            sha256(&zip),
            sha256(b"first"),
            sha256(b"second"),
        );
        Recipe::parse(&text).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&recipe(4), folder.path(), &|_, _, _| ()).unwrap_err();
    assert!(
        error.to_string().contains("in/b.png has 5 bytes"),
        "{error}"
    );
    let dataset = fetch(&recipe(6), folder.path(), &|_, _, _| ()).unwrap();
    dataset.verify().unwrap();
    let names: Vec<_> = dataset.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(fs::read(folder.path().join("two.png")).unwrap(), b"second");
    // The archive was kept for the second try, and is gone now.
    assert_eq!(server.requests().len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    fetch(&recipe(6), folder.path(), &|_, _, _| ()).unwrap();
    assert!(server.requests().is_empty());
}

/// A ZIP file of these members.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A manifest that takes all `.png` of archives, and one file.
fn all(url: &str, archives: &[(&str, &[u8])]) -> Recipe {
    let archives: Vec<String> = archives
        .iter()
        .map(|(name, bytes)| {
            format!(
                r#"{{"url": "{url}/{name}", "bytes": {}, "sha256": "{}", "all": ".png"}}"#,
                bytes.len(),
                sha256(bytes)
            )
        })
        .collect();
    let text = format!(
        r#"{{"name": "x", "licence": "CC0",
            "files": [{{"name": "own.png", "url": "{url}/own.png", "bytes": 3, "sha256": "{}"}}],
            "archives": [{}]}}"#,
        sha256(b"own"),
        archives.join(", ")
    );
    Recipe::parse(&text).unwrap()
}

#[test]
fn an_archive_may_give_all_members_of_a_kind() {
    let first = zip(&[
        ("set/", b""),
        ("set/a.png", b"first"),
        ("set/in/b.PNG", b"second"),
        ("set/notes.txt", b"x"),
        ("__MACOSX/set/._a.png", b"x"),
    ]);
    let second = zip(&[("c.png", b"third")]);
    let files = vec![
        ("own.png", b"own".to_vec()),
        ("1.zip", first.clone()),
        ("2.zip", second.clone()),
    ];
    let server = Server::new(files, Manner::Ranges);
    let recipe = all(&server.url, &[("1.zip", &first), ("2.zip", &second)]);
    let folder = tempfile::tempdir().unwrap();
    let get = || fetch(&recipe, folder.path(), &|_, _, _| ()).unwrap();
    let dataset = get();
    dataset.verify().unwrap();
    let names: Vec<_> = dataset.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "own"]);
    assert_eq!(fs::read(folder.path().join("b.PNG")).unwrap(), b"second");
    assert_eq!(server.requests().len(), 3);

    // Everything is there, and its hashes are known without the archives.
    get().verify().unwrap();
    assert!(server.requests().is_empty());
    // A changed file asks for its archive alone.
    fs::write(folder.path().join("b.PNG"), "x").unwrap();
    get().verify().unwrap();
    assert_eq!(server.requests(), ["/1.zip from 0"]);
    let left = fs::read_dir(folder.path()).unwrap();
    let parts = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".part")
    });
    assert_eq!(parts.count(), 0);
}

/// Changes the length that the list at the end of a ZIP file gives for its first member.
fn with_length(mut zip: Vec<u8>, length: u32) -> Vec<u8> {
    let at = zip
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    zip[at + 24..at + 28].copy_from_slice(&length.to_le_bytes());
    zip
}

#[test]
fn an_archive_that_gives_all_is_not_trusted() {
    let good = zip(&[("a.png", b"first"), ("b.png", b"second")]);
    let mut damaged = good.clone();
    // In the data of the first member, behind 30 bytes and its name.
    damaged[36] ^= 0xff;
    let cases = [
        ("damaged.zip", damaged, "a.png: "),
        ("cut.zip", good[..good.len() - 30].to_vec(), "archive"),
        (
            "up.zip",
            zip(&[("../a.png", b"x")]),
            "`../a.png` leads out of it",
        ),
        (
            "root.zip",
            zip(&[("/a.png", b"x")]),
            "`/a.png` leads out of it",
        ),
        (
            "windows.zip",
            zip(&[("in\\a.png", b"x")]),
            "no plain file name",
        ),
        (
            "twice.zip",
            zip(&[("x/a.png", b"x"), ("y/A.png", b"y")]),
            "`y/A.png` has the name of another file",
        ),
        (
            "own.zip",
            zip(&[("x/own.png", b"x")]),
            "`x/own.png` has the name of another file",
        ),
        (
            "bomb.zip",
            zip(&[("a.png", &[0; 1 << 20])]),
            "more than 16 times",
        ),
        ("longer.zip", with_length(good.clone(), 4), "a.png"),
        ("shorter.zip", with_length(good, 6), "a.png"),
        ("empty.zip", zip(&[("a.txt", b"x")]), "no file that ends"),
    ];
    let mut files = vec![("own.png", b"own".to_vec())];
    files.extend(cases.iter().map(|(name, bytes, _)| (*name, bytes.clone())));
    let server = Server::new(files, Manner::Ranges);
    for (name, bytes, part) in &cases {
        let folder = tempfile::tempdir().unwrap();
        let recipe = all(&server.url, &[(name, bytes)]);
        let error = fetch(&recipe, folder.path(), &|_, _, _| ()).unwrap_err();
        assert!(
            matches!(error, DatasetError::Archive { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(part), "{name}: {error}");
        assert!(!folder.path().join("a.png").exists(), "{name}");
        assert!(!folder.path().join("manifest.txt").exists(), "{name}");
    }

    // One that is not the archive meant is not even opened.
    let (name, bytes, _) = &cases[0];
    let mut other = bytes.clone();
    other[0] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let recipe = all(&server.url, &[(name, &other)]);
    let error = fetch(&recipe, folder.path(), &|_, _, _| ()).unwrap_err();
    assert!(matches!(error, DatasetError::Hash { .. }), "{error}");
}

#[test]
fn two_archives_cannot_give_the_same_file() {
    let (first, second) = (zip(&[("a.png", b"x")]), zip(&[("A.png", b"y")]));
    let files = vec![
        ("own.png", b"own".to_vec()),
        ("1.zip", first.clone()),
        ("2.zip", second.clone()),
    ];
    let server = Server::new(files, Manner::Ranges);
    let recipe = all(&server.url, &[("1.zip", &first), ("2.zip", &second)]);
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&recipe, folder.path(), &|_, _, _| ()).unwrap_err();
    assert!(error.to_string().contains("another file"), "{error}");
}
