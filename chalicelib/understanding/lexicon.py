"""Words of feeling, Chinese and English, in simplified, folded form. Hand-written; topics have their own in the packs.

The English ones stand in ``lexicon_en``.

A longer entry shields what stands inside it: "不错" is praise and not a negated "错", "快递" is not fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.understanding import lexicon_en as english

_STRONG_GOOD_ZH: Final = """
非常好 超级好 特别好 太好了 超好 超赞 很赞 点赞 赞一个 赞赞 完美 惊艳 惊喜 极好 绝了 一流 顶级 出色 优秀 棒极了 太棒
真棒 很棒 棒棒 无可挑剔 爱了 好极了 贴心 无敌 超值 物超所值 超出预期 超预期 😍 🥰 ❤ 💯 🌹🌹 好得很 五星 满分 强烈推荐
非常满意 很满意 十分满意 超级满意 喜欢得不得了 感动 大赞 神速 太喜欢 没话说 没的挑 飞起 yyds 绝绝子 界天花板 天花板级
性价比天花板 颜值天花板
"""

_GOOD_ZH: Final = """
好 不错 满意 喜欢 推荐 靠谱 给力 舒服 舒适 方便 便捷 快 很快 快捷 迅速 及时 准时 按时 热情 耐心 周到 细心 仔细 认真
负责 专业 礼貌 客气 友好 友善 热心 亲切 实惠 划算 便宜 值得 值了 值 合适 合身 漂亮 美观 好看 好用 好吃 好喝 好闻 好听
精致 精美 细腻 结实 耐用 牢固 牢靠 扎实 放心 安心 省心 省事 清晰 流畅 顺畅 顺利 顺滑 干净 整洁 卫生 新鲜 美味 可口 香
鲜美 完好 完好无损 完整 严实 没问题 没有问题 没毛病 没有毛病 没得说 没话说 没的说 挺可以 蛮可以 真可以 还可以 挺好
蛮好 还不错 还行 挺行 不赖 不差 给好评 好评 赞 棒 点赞 优质 优惠 正品 正宗 到位 满足 开心 高兴 愉快 惊喜 支持 信赖
信任 回购 再来 还会再来 会回购 下次还来 下次还会 强大 稳定 灵敏 安静 柔软 轻便 小巧 大方 时尚 高档 有质感 物美价廉
性价比高 不愧 名不虚传 解决了 处理得好 挺满意 松软 透气 显瘦 保暖 凉快 清爽 滋润 显白 很会 用心 良心 厚道 诚信 爽快
痛快 温柔 高效 效率高 一目了然 简单 容易 轻松 不难 省时 省力 很稳 平整 服帖 麻利 主动 温馨 熟练 实用 👍 😊 😄 😁 😀 🙂
😋 👏 💕 💖 ♥ 🌹 ✌ 🤗 😘 🎉 nice 一如既往 挑不出毛病 找不到缺点 无可厚非 要什么自行车 真香 不踩雷 软烂 好味 好食
啥毛病没有 没啥毛病 毛病没有 高兴坏了 乐坏了 开心坏了
"""

_BAD_ZH: Final = """
差 不好 不行 不满 不满意 差劲 慢 太慢 很慢 好慢 久 太久 很久 好久 半天 拖 拖延 拖拉 拖了 延误 延迟 迟到 晚 晚了 太晚
贵 太贵 坑 坑人 骗人 失望 后悔 无语 郁闷 难受 麻烦 糟 破 坏 坏了 破了 碎 碎了 烂 烂了 漏 漏了 断 断了 裂 裂了 脏 臭
难闻 刺鼻 难吃 难喝 难看 难听 难用 随便 太随便 粗糙 劣质 低劣 敷衍 冷漠 冷淡 不耐烦 粗鲁 凶 没礼貌 不礼貌 没素质 推诿
推脱 踢皮球 不理 不理人 没人理 没人管 不管 不回 不回复 没回复 没反应 没回应 没有回应 无人 不处理 不解决 没解决
解决不了 不给 不退 不让 不接 没人接 打不通 联系不上 找不到 不合适 不符 不一致 不一样 不值 不值得 不划算 不方便 不舒服
不新鲜 不干净 不卫生 不专业 不负责 不靠谱 不推荐 不喜欢 不明白 不清楚 不清晰 不清 模糊 卡 卡顿 卡死 闪退 死机 崩溃
故障 失灵 失效 没用 无效 不灵 不能用 用不了 不好用 没法用 打不开 登不上 问题 毛病 缺陷 瑕疵 质量问题 缺点 不足 不过关
掉色 褪色 起球 变形 异响 噪音 吵 发热 发烫 掉漆 划痕 生锈 发霉 过期 变质 少 少了 缺 缺少 漏发 发错 送错 错 错了 弄错
丢 丢了 弄丢 假 假的 假货 山寨 仿品 虚假 欺骗 忽悠 套路 误导 霸王 不公平 不合理 不透明 不准 不准确 乱 混乱 乱扣 乱收费
多扣 拒绝 拒收 抱怨 投诉 差评 垫底 退货 失误 疏忽 遗憾 可惜 尴尬 生气 愤怒 气人 气愤 恼火 烦 烦人 担心 害怕 浪费 白等
白花 一般 一般般 凑合 马马虎虎 将就 鸡肋 复杂 繁琐 难 困难 太难 硬 太硬 凉 凉了 太凉 太咸 太淡 太油 咸 油腻 生硬 简陋
单薄 太薄 松垮 挤 拥挤 嘈杂 吵闹 闷 太小 太大 偏小 偏大 太紧 太松 太吵 太重 变差 越来越差 退步 打折扣 缩水 不够 欠佳
有待 待提高 不太好 不是很好 不怎么样 不怎样 不咋地 不咋样 不太行 不给力 不如 差一些 差一点 有点差 比较差 受不了 忍不了
无奈 无法 跑路 失联 拆封过 二手 翻新 扣款 溢价 涨价 闹心 心塞 添堵 堵心 😞 😔 😒 😢 😭 😣 😖 😩 😫 😤 😠 👎 💔 😥 🤦
😓 🙄 🙃 🤨 也是醉了 醉了 无力吐槽 破洞 开胶 脱胶 散架 掉毛 迟迟 不到账 没到账 开裂 不制冷 不通电 不工作 没好 大不如前
今不如昔 差远了 差多了 白瞎 可惜了 也就那样 不过如此 名不副实 谁敢 谁还敢 谁会买 谁还会买 谁还买 后会无期 让我见识
什么叫 刷新了 避雷 踩雷 翻车 拔草 劝退 一言难尽 交智商税 慎买 慎重 爱理不理 爱搭不理 天花乱坠 不买了 不点了 不来了
这就是你们 难道这就是 别买 不回一句 不闻不问 早知道 贵了 慢了 小了点 小贵 半天不 贵得飞起 慢得飞起 吵得飞起 卡得飞起
贵的飞起 慢的飞起 唔好 拉胯 拉垮 约等于零 形同虚设 打水漂 龟速
"""

_STRONG_BAD_ZH: Final = """
太差 很差 极差 超差 巨差 最差 差到极点 差死了 太烂 垃圾 垃圾货 恶劣 恶心 极其恶劣 糟糕 糟透了 坑爹 骗子 无耻 可恶 可恨
气死 气死我了 慢死了 贵死了 难吃死了 离谱 过分 太过分 忍无可忍 火大 坑死 再也不 再也不来 再也不会 再也不买 绝不
千万别买 千万不要买 别买 不要买 千万别 一塌糊涂 奇差 烂透了 黑店 黑心 奸商 极度失望 非常失望 太失望 太坑 太慢了
差评中的差评 零分 负分 一星 摆设 你们就是这样 就是这样对 😡 🤬 🤮 💩 🤢 👿 😾 要命 稀烂 最烂 再也不用了 再也不用你
再也不用这 再也不用他
"""

_NEUTRAL_ZH: Final = """
炸裂 麻烦快点 麻烦你 麻烦您 麻烦帮 麻烦尽快 麻烦给 麻烦查 约好 说好 讲好 谈好 选好 弄好 收好 别家 别人 别的 级别 区别
分别 告别 快递 快点 快一点 快些 赶快 尽快 快餐 快捷键 快件 快手 愉快地 快要 快到 好像 好几 好多 好不好 好不容易 好歹
好在 只好 正好 刚好 最好 最好能 幸好 好友 好处 好奇 爱好 好好 要好好 你好 您好 好的 好吧 好了 好吗 好评返现 友好度
便宜货 香水 香味 香型 香精 值班 值得注意 可以吗 可不可以 是否可以 行不行 银行 行李 行为 自行 行业 进行 执行 举行 发行
流行 运行 行程 行吗 还行吧 再来一次 差不多 差价 差点 时差 出差 慢慢 坏处 破费 晚上 晚饭 晚点 晚餐 今晚 昨晚 一般来说
一般都 一般是 一般会 拖鞋 贵姓 贵公司 贵店 贵司 少不了 多少 不少 至少 少量 减少 断断续续 不断 果断 判断 错过 不错过
假期 假日 放假 请假 假如 假设 大概 缺货 卡片 卡号 银行卡 会员卡 卡券 卡包 卡通 打卡 刷卡 点卡 贺卡 硬件 硬盘 凉鞋 凉席
凉拌 未免 莫名 莫名其妙 难怪 难得 不得不 不能不 不可不 不用说 不用 不但 不仅 不只 不光 不管 不论 不同 不知 不知道 不久
不小心 不止 不过 不然 要不 不容易 未达 要不是 是不是 有没有 能不能 会不会 对不对 要不要 没想到 不好意思 不得了 了不起
差异 拒收件 投诉电话 有问题找 请问 问题解决 解决问题 有任何问题 什么问题 油腻腻 难点 吵架 推荐码 支持一下 支持7天
支持七天 七天无理由 退货流程 退货地址 退货率 退换货 差评师 破例 破天荒 重点 重要 保重 简单粗暴 方便面 不方便透露
满足条件 值班经理 碎花 裂变 漏斗 脏脏包 臭豆腐 安静待 断货 行号 硬核 房卡 门卡 我卡 把卡 卡里 卡内 张卡 的卡 换卡 寄卡
开卡 新卡 副卡 补卡 金卡 黑卡 锁卡 延误险 延误证明 过坑 坑洼 坑坑洼洼 香肠 香港 香菇 香菜 香蕉 香皂 快活 气不气人 不删
五脏 内脏 心脏 一晚 两晚 三晚 每晚 整晚 当晚 首晚 晚安 晚年 拖着 拖把 拖车 拖地 拖箱 找到毛病 查出毛病 好似 断码 破壁
破案 吊顶 天花板 贵宾 再也不用 再也不必 再也不怕 再也不愁 再也不担心 再也不来回 再也不会担心 再也不会为 再也不去别
再也不买别
"""

_NEGATORS_ZH: Final = """
不 没 没有 未 无 别 莫 毫无 不是 并不 并非 不算 不怎么 不太 不会 不能 不再 从不 从未 没法 难以 一点都不 一点也不
一点不 没什么 没有什么 没有任何 没任何 没那么 没有那么 不是很 不是太 从来没 从来没有 毫不 不存在 没有谁 没有谁会
没有人 没有人会 没人会 没有一处 没有哪里 没有让 没出现 谁会 谁能 哪里 哪儿 哪有 何来 并不是 不是说 不可 不可谓
不能说 完全不 绝不是 未必 不见得 不带 不含 不可能 没见
"""

# They reach as far as the clause does: "不像评论里说的那么漂亮".
_FAR_NEGATORS_ZH: Final = """
不认为 不觉得 没觉得 没有觉得 没感觉 没有感觉 没感到 没感受到 没看出 没看出来 没有看出 看不出 看不出来 谈不上 算不上
称不上 说不上 不像 并没有 并没 怎么能 怎么可能 怎能 岂能 岂 不比 不至于
"""
# As far, and where they find nothing to turn they speak for bad themselves: "难道这就是你们的服务".
_STANDING_ZH: Final = """
难道 这也叫 这也能叫 这能叫 这叫 也配叫 也好意思 好意思说 不如 比不上 赶不上 不及 说好的 不够 不值得 白瞎 欠缺 缺乏
"""

_STRONGER_ZH: Final = """
很 非常 太 特别 超级 超 极其 极 十分 真 真的 好好 相当 巨 贼 最 更 尤其 格外 无比 实在 实在是 太过 死了 极了 透了
爆了 真是 可真 别提多 别提有多 说不出的 不要太 不能再 不是一般 不是一般的
"""
_WEAKER_ZH: Final = """
有点 有一点 有些 稍微 稍稍 略 略微 略有 还算 有点小 稍 一点点
"""

_WISHES_ZH: Final = """
希望 但愿 建议 要是能 要是可以 如果能 如果可以 若能 能不能 可不可以 可否 能否 最好能 最好有 最好加 最好是 最好把
期待 盼望 就好了 就更好了 会更好 更完美 就完美了 多一些 改进 改善 改一下 优化 加强 增加 应该改 应该有 应该加
可以考虑 提个意见 提个建议
"""

_CHURN_ZH: Final = """
再也不会 不会再用 不想再用 不再使用 不会回购 不再购买 不再光顾 拉黑 取消会员 退会 注销账号 注销账户 注销会员 取关
卸载了 已卸载 要卸载 准备卸载 直接卸载 卸载app 换别家 换一家 换家店 换家银行 换家酒店 换家公司 换个银行 换银行 去别家
换平台 以后不会 以后再不 绝不再 绝对不会再 永不光顾 永不再来 永不再买 永远不会再 没有下次 别想我再 转投 都转走
全部转走 失去一个老客户 失去一个客户 失去我 失去一位 再也不用了 再也不用你 再也不用这 再也不用他 都转到 再也不在
不会再在 不会有下次 再也不敢在 最后一次在
"""
_NEVER_ZH: Final = """
再也不 再也不会 再也不想 再也不敢 不会再 不想再 不敢再 以后不 以后再不 以后再也不 以后绝对不 下次不 下次绝对不
下次肯定不 下次坚决不 下次不会 下辈子不 下辈子都不 死也不 打死不 打死也不 打死都不 再也不要 以后都不 最后一次
"""
_COMES_ZH: Final = """
来 去 买 住 坐 订 点 吃 逛 选 飞 入住 光顾 消费 合作 打卡
"""
# Whoever need not or will not do such a thing any more stays: "再也不去别家了".
_STAYS_ZH: Final = """
再也不来回 再也不会为 再也不会担心 再也不会有 再也不去别 再也不买别 不会再去别 不会再买别 不会再买到 以后不去别
再也不点外卖 取关了别 以后不会再担心 再也不用
"""

_QUESTIONS_ZH: Final = """
请问 想问 想咨询 想请教 能赔多少 怎么赔 怎么办 怎么弄 怎么用 怎么退 怎么申请 怎么开 怎么保修 如何 是否可以 什么时候
多久 多久能 哪里可以 在哪里 在哪 可以吗 能吗 吗? 吗 呢? 么? 为什么 为啥 怎么回事
"""
# What is asked is not said: "会不会掉色", "是正品吗". "吗" asks at the end of its clause only.
_ASKED_ZH: Final = """
吗 吗? 好不好 会不会 是不是 有没有 准不准 行不行 贵不贵 快不快 值不值 够不够 大不大 掉不掉 能不能 要不要 对不对 是否
请问
"""

_THANKS_ZH: Final = """
谢谢 感谢 多谢 谢啦 谢了
"""

# "不是不好吃，是太咸": what is denied only makes way for what is said.
_IS_NOT_ZH: Final = """
不是 不是说 并不是 倒不是
"""
_IF_ZH: Final = """
如果 要是 假如 万一 倘若 一旦 若是 要不是 假设 的话
"""
_PAST_ZH: Final = """
以前 之前 原来 原先 过去 上次 前几次 前两次 第一次 起初 刚开始 一开始 早先 往常 当初
"""
_NOW_ZH: Final = """
现在 这次 如今 最近 后来 第二次 这回 今天 这两次 近来 目前 越来越 这家
"""
_OTHERS_ZH: Final = """
都说 有人说 朋友说 评论说 评论里说 别人说 听说 网上说 看评价 看评论 看网上 广告说 号称 本来以为 以为 担心 本来怕
还怕 就怕 生怕 网上吹 吹得 介绍说 说是
"""
_RIVALS_ZH: Final = """
隔壁 隔壁家 隔壁店 别家 别人家 人家 其他家 其它家 其他店 那家 别的店 对面 竞争对手 友商
"""
_THAN_YOU_ZH: Final = """
比你 比你家 比你们 比你们家 比这家 比这里
"""
# Nobody smiles like this who is content.
_SNEERS_ZH: Final = """
呵呵 🙃 🙄 也是醉了 让我见识 让我知道什么叫 知道什么叫
"""
_CONCEDES_ZH: Final = """
虽然 虽说 尽管 固然 除了 好归好 归好 归快 归便宜
"""
# Praise without an object, which turns sour when a bad fact follows: "真是太好了，等了三个小时".
_CHEERS_ZH: Final = """
真是太好了 太好了 真好 太棒了 真棒 真行 可真行 真可以 真不错 真厉害 厉害了 恭喜 恭喜你们 佩服 好得很 好得很呢
真有你的 真牛
"""

_RETURNS_ZH: Final = """
回购 再来 还会买 还会再买 还会来 还会再来 下次还来 下次还会 会再买 会再来 再次购买 再次光顾 无限回购 还来买 还要买
常来
"""
_RECOMMENDS_ZH: Final = """
推荐 安利 介绍给 推荐给 值得购买 值得入手 大家可以买 放心买 放心购买 闭眼入
"""
_DISSUADES_ZH: Final = """
别买 不要买 千万别 不推荐 不建议买 不建议购买 慎买 慎入 慎重 避雷 避坑 劝退 不值得推荐 大家别 奉劝 劝大家
"""
_EFFORT_ZH: Final = """
折腾 来回 反复 费劲 费时 费力 麻烦 跑了 好几次 好几遍 三番五次 一次次 一遍遍 打了几次 排队 催了 等了 半天 推来推去
踢皮球 填了 繁琐 复杂 白跑 太难 打不通 转接
"""
_EASE_ZH: Final = """
方便 省心 省事 省时 省力 简单 轻松 一键 便捷 秒回 秒到 快捷 不用操心 一次搞定 一次解决 顺利
"""


def _entries(chinese: str, latin: str = "") -> tuple[str, ...]:
    return (*chinese.split(), *english.phrases(latin))


FAINT: Final = 0.6  # what a hint weighs

# Phrase → what it says: -2 very bad … 2 very good; 0 says nothing and shields the words inside it.
OPINIONS: Final[Mapping[str, float]] = {
    **dict.fromkeys(english.phrases(english.COURTESIES), FAINT),
    **dict.fromkeys(_entries(_GOOD_ZH, english.GOOD), 1),
    **dict.fromkeys((*english.BETTER_THAN_EVER, *english.LOOKED_FORWARD_TO, *english.LOYAL, *english.SMILES), 1),
    **dict.fromkeys(_entries(_BAD_ZH, english.BAD), -1),
    **dict.fromkeys((*english.TOO, *english.HAD_ENOUGH, *english.FROWNS), -1),
    **dict.fromkeys(english.phrases(english.HINTS), -FAINT),
    **dict.fromkeys(_entries(_STRONG_GOOD_ZH, english.STRONG_GOOD), 2),
    **dict.fromkeys(_entries(_STRONG_BAD_ZH, english.STRONG_BAD), -2),
    **dict.fromkeys(english.SOUR_THANKS, -2),
    **dict.fromkeys(_entries(_NEUTRAL_ZH, english.NEUTRAL), 0),
}
COMES: Final = tuple(_COMES_ZH.split())
STANDING_NEGATORS: Final = frozenset(_entries(_STANDING_ZH))
FAR_NEGATORS: Final = frozenset(_entries(_FAR_NEGATORS_ZH)) | STANDING_NEGATORS
# They only hint at bad where they find nothing to turn: "I can't log in".
FACES: Final = frozenset((*english.SMILES, *english.FROWNS))
FAINT_NEGATORS: Final = frozenset(english.phrases(english.STANDING))
UNABLE: Final = frozenset(english.phrases(english.UNABLE))  # as faint, but no mere hint
NEGATORS: Final = frozenset(_entries(_NEGATORS_ZH, english.NEGATORS)) | FAR_NEGATORS
STRONGER: Final = frozenset(_entries(_STRONGER_ZH, english.STRONGER))
WEAKER: Final = frozenset(_entries(_WEAKER_ZH, english.WEAKER))
CUES: Final[Mapping[str, tuple[str, ...]]] = {
    "wish": _entries(_WISHES_ZH, english.WISHES),
    "churn": _entries(_CHURN_ZH, english.CHURN),
    "never": _entries(_NEVER_ZH),  # churn, where one of COMES follows
    "stays": _entries(_STAYS_ZH),
    "question": _entries(_QUESTIONS_ZH, english.QUESTIONS),
    "asked": _entries(_ASKED_ZH, english.ASKED),
    "thanks": _entries(_THANKS_ZH, english.THANKS),
    "is_not": _entries(_IS_NOT_ZH),
    "if": _entries(_IF_ZH, english.IF),
    "past": _entries(_PAST_ZH, english.PAST),
    "now": _entries(_NOW_ZH, english.NOW),
    "others": _entries(_OTHERS_ZH, english.OTHERS),
    "rival": _entries(_RIVALS_ZH, english.RIVALS),
    "than_you": _entries(_THAN_YOU_ZH),
    "sneer": _entries(_SNEERS_ZH),
    "concedes": _entries(_CONCEDES_ZH, english.CONCEDES),
    "cheer": _entries(_CHEERS_ZH, english.CHEERS),
    "return": (*_entries(_RETURNS_ZH, english.RETURNS), *english.LOYAL),
    "recommend": _entries(_RECOMMENDS_ZH, english.RECOMMENDS),
    "dissuade": _entries(_DISSUADES_ZH, english.DISSUADES),
    "effort": _entries(_EFFORT_ZH, english.EFFORT),
    "ease": _entries(_EASE_ZH, english.EASE),
}
