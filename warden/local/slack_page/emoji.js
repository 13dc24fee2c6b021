// Shortcodes the messages of a bot like this use; an unknown one stays as it was written.

export const EMOJI = {
  alarm_clock: "⏰", arrow_right: "➡️", bell: "🔔", bookmark: "🔖", books: "📚", bug: "🐛", bulb: "💡",
  calendar: "📅", chart_with_upwards_trend: "📈", clipboard: "📋", clock1: "🕐", closed_lock_with_key: "🔐",
  construction: "🚧", eyes: "👀", fire: "🔥", gear: "⚙️", green_heart: "💚", hammer_and_wrench: "🛠️",
  hand: "✋", heavy_check_mark: "✔️", hourglass: "⌛", hourglass_flowing_sand: "⏳", information_source: "ℹ️",
  key: "🔑", label: "🏷️", large_blue_circle: "🔵", large_green_circle: "🟢", large_orange_circle: "🟠",
  large_purple_circle: "🟣", large_yellow_circle: "🟡", leftwards_arrow_with_hook: "↩️", link: "🔗",
  lock: "🔒", mag: "🔍", mega: "📣", memo: "📝", money_with_wings: "💸", no_bell: "🔕", no_entry: "⛔",
  no_entry_sign: "🚫", octagonal_sign: "🛑", ok: "🆗", ok_hand: "👌", package: "📦", pause_button: "⏸️",
  point_right: "👉", pray: "🙏", pushpin: "📌", question: "❓", raised_hands: "🙌", recycle: "♻️",
  red_circle: "🔴", repeat: "🔁", robot_face: "🤖", rocket: "🚀", rotating_light: "🚨", scroll: "📜",
  shield: "🛡️", skull: "💀", snail: "🐌", sos: "🆘", sparkles: "✨", speech_balloon: "💬",
  stopwatch: "⏱️", tada: "🎉", thinking_face: "🤔", ticket: "🎫", "+1": "👍", "-1": "👎", thumbsup: "👍",
  thumbsdown: "👎", unlock: "🔓", warning: "⚠️", wave: "👋", white_check_mark: "✅", white_circle: "⚪",
  wrench: "🔧", x: "❌", zap: "⚡", zzz: "💤", "1234": "🔢", arrows_counterclockwise: "🔄",
};
