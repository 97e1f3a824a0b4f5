//! The largest table as a bar chart with a logarithmic scale: a plain SVG, readable on light and dark pages.

use crate::sides::{ALL, CASES, Row};
use crate::table::{milliseconds, thousands};

/// Sizes in pixels.
const NAMES: f64 = 230.0;
const BARS: f64 = 450.0;
const WIDTH: f64 = 760.0;
const BAR: f64 = 14.0;
const LINE: f64 = 18.0;
const TOP: f64 = 30.0;
const GAP: f64 = 34.0;

const STYLE: &str = "
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .grid { stroke: #d0d7de }
  .other { fill: #8c959f }
  .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .grid { stroke: #3d444d }
    .other { fill: #768390 }
    .ours { fill: #4493f8 }
  }
";

/// Draws the times of all sides in all cases.
pub(crate) fn draw(recipes: usize, rounds: usize, rows: &[Row]) -> String {
    let times = || rows.iter().flat_map(|row| ALL.map(|case| row.median(case)));
    let least = times().fold(f64::MAX, f64::min).max(0.001).log10().floor();
    let most = times().fold(f64::MIN, f64::max).max(0.001).log10().ceil().max(least + 1.0);
    let at = |time: f64| (time.log10() - least) / (most - least) * BARS;
    #[expect(clippy::cast_precision_loss, reason = "a few rows")]
    let (bars, groups) = ((rows.len() * CASES.len()) as f64, CASES.len() as f64);
    let height = TOP + bars * LINE + groups * GAP + 10.0;
    #[expect(clippy::cast_precision_loss, reason = "a number to be read")]
    let what =
        format!("{} recipes, milliseconds, median of {rounds}, logarithmic", thousands(recipes as f64));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" role=\"img\">\n\
         <title>Exports of {what}</title>\n<style>{STYLE}</style>\n<text x=\"{NAMES}\" y=\"16\">{what}</text>\n"
    );
    let mut power = least;
    while power <= most {
        let x = NAMES + at(10_f64.powf(power));
        let label =
            if power < 0.0 { format!("{}", 10_f64.powf(power)) } else { thousands(10_f64.powf(power)) };
        svg += &format!(
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>\n",
            height - 18.0,
            height - 4.0,
        );
        power += 1.0;
    }
    let mut y = TOP;
    for (case, name) in CASES.into_iter().enumerate() {
        svg += &format!("<text class=\"title\" x=\"4\" y=\"{:.1}\">{name}</text>\n", y + BAR);
        y += LINE;
        for row in rows {
            let (time, side) = (row.median(case), if row.who.is_ours() { "ours" } else { "other" });
            let (length, text) = (at(time).max(1.0), y + BAR - 3.0);
            svg += &format!(
                "<text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\
                 <rect class=\"{side}\" x=\"{NAMES}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR}\"/>\
                 <text x=\"{:.1}\" y=\"{text:.1}\">{}</text>\n",
                NAMES - 6.0,
                row.who.name(),
                NAMES + length + 5.0,
                milliseconds(Some(time)),
            );
            y += LINE;
        }
        y += GAP - LINE;
    }
    svg + "</svg>\n"
}
