//! Codes PNG files without loss and says how long it took and how large they are.
use std::ops::ControlFlow;
use std::time::Instant;
use kiln_graphics::*;
struct Pic(Vec<u16>, usize);
impl Source for Pic {
    fn row(&self, y: u32, out: &mut [u16]) { let n = out.len(); out.copy_from_slice(&self.0[y as usize * self.1..][..n]); }
}
fn main() {
    let (mut sum, mut px, mut te, mut td, mut tc) = (0, 0, 0.0, 0.0, 0.0);
    for path in std::env::args().skip(1) {
        let mut d = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap()));
        d.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut r = d.read_info().unwrap();
        let mut buf = vec![0; r.output_buffer_size().unwrap()];
        let info = r.next_frame(&mut buf).unwrap();
        let ch = info.color_type.samples();
        let keep = if ch >= 3 { 3 } else { 1 };
        let s: Vec<u16> = buf[..info.buffer_size()].chunks_exact(ch).flat_map(|p| p[..keep].iter().map(|&v| u16::from(v))).collect();
        let layout = Layout { width: info.width, height: info.height, channels: if keep == 3 { Channels::Three } else { Channels::One }, depth: Depth::Eight };
        let pic = Pic(s, info.width as usize * keep);
        let go: Watch = &|_, _| ControlFlow::Continue(());
        let t = Instant::now(); let b = encode(&layout, &Blocks::all(&layout), &pic, go).unwrap(); let e = t.elapsed().as_secs_f64();
        let t = Instant::now(); let c = costs(&layout, &pic, go).unwrap(); let ec = t.elapsed().as_secs_f64();
        let mut out = vec![0; pic.0.len()];
        let t = Instant::now();
        decode(&b, &layout, &mut |y, x, s| out[y as usize * pic.1 + x as usize * keep..][..s.len()].copy_from_slice(s), go).unwrap();
        let dd = t.elapsed().as_secs_f64();
        assert!(out == pic.0, "{path}");
        let n = (info.width * info.height) as f64;
        println!("{:>9} {:>9.0} {} enc {:.0} dec {:.0} costs {:.0} ns/px", b.len(), c.iter().sum::<f32>() / 8.0, path.rsplit('/').next().unwrap(), e * 1e9 / n, dd * 1e9 / n, ec * 1e9 / n);
        sum += b.len(); px += n as u64; te += e; td += dd; tc += ec;
    }
    println!("{sum} total; enc {:.0} dec {:.0} costs {:.0} ns/px", te * 1e9 / px as f64, td * 1e9 / px as f64, tc * 1e9 / px as f64);
}
