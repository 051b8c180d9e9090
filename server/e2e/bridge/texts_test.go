package bridge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestThePageTakesTheFirstLanguageThatTheBrowserAsksForAndItHas(t *testing.T) {
	b := newSite(t).openTab(t, `
		globalThis.speaks = async (asked, chosen) => {
			Object.defineProperty(navigator, 'languages', { value: asked, configurable: true });
			localStorage.setItem('parley.language', chosen);
			const { language, locale } = await import('/texts/languages.js?' + crypto.randomUUID());
			return language.tag + ' ' + locale;
		};`)
	got := b.eval(`
		const answers = [];
		for (const [asked, chosen] of [
			[['en-US'], ''], [['de', 'fr'], ''], [[], ''], [['zh'], ''], [['zh-CN', 'en'], ''], [['zh-SG'], ''], [['zh-Hans-HK'], ''],
			[['zh-TW', 'en-AU'], ''], [['fr', 'zh-TW', 'zh-CN'], ''], [['no tag', 'zh'], ''],
			[['en-US'], 'zh-Hans'], [['zh-SG', 'en-GB'], 'en'], [['zh-CN'], 'zh-Hans'], [['zh-CN'], 'gone'], [['zh-CN', 'en-US'], 'en-XB'],
		]) answers.push(await speaks(asked, chosen));
		return answers;`)
	want := []any{
		"en en-US", "en en-GB", "en en-GB", "zh-Hans zh", "zh-Hans zh-CN", "zh-Hans zh-SG", "zh-Hans zh-Hans-HK",
		"en en-AU", "zh-Hans zh-CN", "zh-Hans zh",
		"zh-Hans zh-CN", "en en-GB", "zh-Hans zh-CN", "zh-Hans zh-CN", "en-XB en-US",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReasonsAreSaidByTheirWordsAndOthersByTheirKind(t *testing.T) {
	for language, want := range map[string][]any{
		"en": {
			"this person does not take messages from you", "you have sent 64 MiB, as much as you may in a day: there is room for this in 2 hours",
			"the words", "the words", "the words", "the words", "", "never mind",
		},
		"zh-Hans": {
			"对方不接收你的消息", "你已发送 64 MiB，达到每天的上限，2小时后才有空间发送",
			"出现问题（the words）", "出现问题（the words）", "没有权限（the words）", "暂时无法完成，请稍后再试（the words）", "", "never mind",
		},
	} {
		b := newSite(t).openTab(t, `localStorage.setItem('parley.language', '`+language+`');`)
		got := b.eval(`
			const { reasonOf, wordsOf } = await import('/texts/labels.js');
			const { ParleyError } = await import('/parley.js');
			return [
				wordsOf('the words', 'blocked-by-them'), wordsOf('the words', 'too-much-sent', ['67108864', '5401'], 0x97),
				wordsOf('the words', 'constructor'), wordsOf('the words', 'too-much-sent', ['67108864']),
				reasonOf(new ParleyError('the words', 403)), reasonOf(new ParleyError('the words', 0x97, { reasonCode: 'of a newer server' })),
				wordsOf('', 'busy'), reasonOf(undefined, 'never mind'),
			];`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", language, diff)
		}
	}
}

func TestTimesAndNumbersAreWrittenAsTheLanguageWritesThem(t *testing.T) {
	for language, want := range map[string][]any{
		"en": {
			"05:09", "1 hr 5 min", "2 days", "less than a minute", "59 min", "23 hr", "Today", "Yesterday", "Monday, January 5", "Tue", "999+", "1 unread message", "2 unread messages",
			"Anna is typing…", "Anna, Bob, and Cleo are typing…", "Loading Parley… 42%",
		},
		"zh-Hans": {
			"05:09", "1小时5分钟", "2天", "不到 1 分钟", "59分钟", "23小时", "今天", "昨天", "1月5日星期一", "周二", "999+", "1 条未读消息", "2 条未读消息",
			"Anna正在输入…", "Anna、Bob和Cleo正在输入…", "正在加载 Parley… 42%",
		},
	} {
		b := newSite(t).openTab(t, `localStorage.setItem('parley.language', '`+language+`');`)
		got := b.eval(`
			const { briefTime, dayName, duration, shortCount, stopwatch } = await import('/texts/labels.js');
			const { formats, t } = await import('/texts/strings.js');
			const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
			const now = new Date(2026, 0, 8, 12).getTime();
			return [
				stopwatch(5 * minute + 9000), stopwatch(hour + 5 * minute), stopwatch(2 * day), duration(minute - 1), duration(hour - 1), duration(day - 1),
				dayName(now, now), dayName(now - day, now), dayName(now - 3 * day, now), briefTime(now - 2 * day, now), shortCount(1000n), t.unread(1), t.unread(2),
				t.typing(formats.list(['Anna']), 1), t.typing(formats.list(['Anna', 'Bob', 'Cleo']), 3), t.loadedOfProgram(0.42),
			];`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", language, diff)
		}
	}
}
