"""The style sheet of the cards and of the photo with its box, for light and dark pages."""

import streamlit as st

# Okabe and Ito's vermillion, blue and grey: told apart by colour-blind eyes, and always said in words too.
STYLE = """<style>
/* The values are worked out where they are used: dialogs are drawn outside the app's own element. */
:root {
  --odd: light-dark(#AD4700, #FF9A56);
  --odd-ground: light-dark(#FBE6D6, #46290F);
  --fine: light-dark(#00669F, #6FC1F2);
  --fine-ground: light-dark(#DDEDF7, #14344A);
  --doubt: light-dark(#626864, #B3BAB5);
  --doubt-ground: light-dark(#E9E8E2, #313A35);
  --quiet: color-mix(in srgb, currentColor 68%, transparent);
  --hairline: color-mix(in srgb, currentColor 16%, transparent);
}
[data-testid="stBaseButton-primary"], [data-testid="stMultiSelectTagsContainer"] [data-tag] * {
  color: light-dark(#FFFFFF, #0B1511); }
[data-testid="stCaptionContainer"] { opacity: 1; color: var(--quiet); }
[data-testid="stButtonGroup"] button { min-height: 2.5rem; }
[data-testid="stButtonGroup"] [role="radiogroup"] { flex-wrap: wrap; }
[data-testid="stButtonGroup"] [data-testid="stWidgetLabel"] { margin-bottom: .2rem; }
[data-testid="stButtonGroup"] [data-testid="stWidgetLabel"] button { min-height: 0; }
[data-testid="stMain"]:focus-visible { outline: none; }
/* An open list closes when the page scrolls, and to keep one's place it scrolls when something above the list grows. */
body:has([role="listbox"]) [data-testid="stMain"] { overflow-anchor: none; }
/* Close together, so that the reviewer's name is seen below the pages on a small laptop. */
[data-testid="stNavSectionHeader"] { margin: 0; }
[data-testid="stSidebarNavLink"] { margin: 0; }
[data-testid="stSidebarHeader"] { height: 3rem; }
[data-testid="stSidebarUserContent"] { padding-top: .5rem; padding-bottom: 2rem; }
[data-testid="stSidebarUserContent"] [data-testid="stVerticalBlock"] { gap: .5rem; }
.stMainBlockContainer { padding-left: 2.5rem; padding-right: 2.5rem; }
.st-key-cards [data-testid="stVerticalBlock"] { gap: .5rem; }
.crop-card { display: flex; flex-direction: column; gap: .3rem; }
.crop-card .picture { position: relative; aspect-ratio: 4 / 3; border-radius: 8px; overflow: hidden;
  background: light-dark(#E4E1D6, #0C100E); }
.crop-card img { width: 100%; height: 100%; object-fit: contain; display: block; font-size: .8rem;
  color: var(--quiet); }
.crop-card .rank, .crop-card .decided { position: absolute; left: .45rem; border-radius: 999px; padding: .05rem .6rem;
  font-size: .78rem; font-weight: 650; line-height: 1.5; }
.crop-card .rank { top: .45rem; background: rgb(20 26 23 / .72); color: #fff; font-variant-numeric: tabular-nums; }
.crop-card .decided { bottom: .45rem; font-size: .85rem; max-width: calc(100% - .9rem); overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.crop-card .line { display: flex; justify-content: space-between; align-items: baseline; gap: .5rem; }
.crop-card .species { font-weight: 650; font-size: 1rem; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }
.crop-card .guess { font-weight: 400; font-size: .86rem; color: var(--quiet); }
.crop-card .flag { color: var(--odd); font-size: .78rem; font-weight: 650; white-space: nowrap; }
.crop-card .why { font-size: .84rem; line-height: 1.4; height: 4.2em; display: -webkit-box;
  -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; }
.crop-card .where { color: var(--quiet); font-size: .8rem; line-height: 1.45; }
.crop-card .where > div { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.crop-card.next .picture { box-shadow: 0 0 0 2px var(--st-primary-color, #38876A); }
.crop-card.anomaly .picture { box-shadow: 0 0 0 3px var(--odd); }
.crop-card.normal .picture { box-shadow: 0 0 0 3px var(--fine); }
.crop-card.unsure .picture { box-shadow: 0 0 0 3px var(--doubt); }
.st-key-cards button { min-height: 2.1rem; padding: .1rem .25rem; }
.st-key-cards button p { font-size: .86rem; }
.st-key-cards button kbd { display: none; }
.st-key-cards [data-testid="stGridCellContent"] [data-testid="stVerticalBlock"] { position: relative; }
.st-key-cards [class*="st-key-photo-"] { position: absolute; top: .45rem; right: .45rem; width: auto; z-index: 1; }
.st-key-cards [class*="st-key-photo-"] button { min-height: 0; width: 2rem; height: 2rem; border: 0; border-radius: 8px;
  background: rgb(20 26 23 / .62); color: #fff; padding: 0; }
.st-key-cards [class*="st-key-photo-"] button span { gap: 0; margin: 0; }
.st-key-cards [class*="st-key-photo-"] button:hover { background: rgb(20 26 23 / .9); color: #fff; }
.st-key-cards [class*="st-key-photo-"] p { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
.decided.anomaly { background: var(--odd-ground); color: var(--odd); }
.decided.normal { background: var(--fine-ground); color: var(--fine); }
.decided.unsure { background: var(--doubt-ground); color: var(--doubt); }
[class*="st-key-accept-"] button:hover, [class*="st-key-accept-"] button:focus-visible {
  border-color: var(--odd); color: var(--odd); background: var(--odd-ground); }
[class*="st-key-reject-"] button:hover, [class*="st-key-reject-"] button:focus-visible {
  border-color: var(--fine); color: var(--fine); background: var(--fine-ground); }
[class*="st-key-unsure-"] button:hover, [class*="st-key-unsure-"] button:focus-visible {
  border-color: var(--doubt); color: var(--doubt); background: var(--doubt-ground); }
.photo-frame { position: relative; border-radius: 8px; overflow: hidden; background: light-dark(#E4E1D6, #0C100E);
  max-height: 58vh; margin: 0 auto; }
.photo-frame img { width: 100%; height: 100%; display: block; }
.photo-frame .box { position: absolute; border: 3px solid #FF7A1A; border-radius: 3px;
  box-shadow: 0 0 0 1.5px rgb(0 0 0 / .65), inset 0 0 0 1.5px rgb(0 0 0 / .65); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: .3rem 2rem;
  margin: .3rem 0 0; padding: 0; font-size: .9rem; }
.facts > div { display: grid; grid-template-columns: 5.5rem 1fr; gap: .8rem; }
.facts .wide { grid-column: 1 / -1; }
.facts dt { color: var(--quiet); }
.facts dt, .facts dd { padding: 0; margin: 0; }
.facts dd { overflow-wrap: anywhere; }
/* In a narrow window, such as a tablet's, what has too little room beside something goes below it: nothing is cut. */
@media (max-width: 1100px) {
  .stMainBlockContainer { padding-left: 1.25rem; padding-right: 1.25rem; }
  [data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"]) { flex-wrap: wrap; }
  [data-testid="stColumn"] { flex-grow: 1; min-width: min(11rem, 100%); }
  [data-testid="stColumn"]:has([data-testid="stColumn"], [data-testid="stPlotlyChart"]) { min-width: min(22rem, 100%); }
  [data-testid="stColumn"]:has(> * h1) { min-width: 100%; }
}
</style>"""


def apply_look() -> None:
    """Add the style sheet to the page; it takes no space there."""
    st.html(STYLE)
